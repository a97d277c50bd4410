#include "host/runtime/prompt/prompt_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay {
namespace {

using Versions = std::vector<ScheduledText>;

Versions At(std::string_view text, int64_t steps,
            std::optional<int64_t> steps_before = std::nullopt) {
  const auto versions = SchedulePrompt(text, steps, steps_before);
  EXPECT_TRUE(versions.ok()) << versions.status();
  return versions.ok() ? *versions : Versions{};
}

Versions Alternating(const std::vector<std::string>& texts) {
  Versions versions;
  for (int64_t step = 1; step <= 10; ++step) {
    versions.push_back({step, texts[static_cast<size_t>(step - 1) % texts.size()]});
  }
  return versions;
}

// The doctests of get_learned_conditioning_prompt_schedules(), 10 steps.
TEST(PromptScheduleTest, ReadsTheDoctests) {
  EXPECT_EQ(At("test", 10), (Versions{{10, "test"}}));
  EXPECT_EQ(At("a [b:3]", 10), (Versions{{3, "a "}, {10, "a b"}}));
  EXPECT_EQ(At("a [b: 3]", 10), (Versions{{3, "a "}, {10, "a b"}}));
  EXPECT_EQ(At("a [[[b]]:2]", 10), (Versions{{2, "a "}, {10, "a [[b]]"}}));
  EXPECT_EQ(At("[(a:2):3]", 10), (Versions{{3, ""}, {10, "(a:2)"}}));
  EXPECT_EQ(At("a [b : c : 1] d", 10), (Versions{{1, "a b  d"}, {10, "a  c  d"}}));
  EXPECT_EQ(At("a[b:[c:d:2]:1]e", 10), (Versions{{1, "abe"}, {2, "ace"}, {10, "ade"}}));
  EXPECT_EQ(At("a [unbalanced", 10), (Versions{{10, "a [unbalanced"}}));
  EXPECT_EQ(At("a [b:.5] c", 10), (Versions{{5, "a  c"}, {10, "a b c"}}));
  EXPECT_EQ(At("((a][:b:c [d:3]", 10), (Versions{{3, "((a][:b:c "}, {10, "((a][:b:c d"}}));
  EXPECT_EQ(At("[a|(b:1.1)]", 10), Alternating({"a", "(b:1.1)"}));
  EXPECT_EQ(At("[fe|]male", 10), Alternating({"female", "male"}));
  EXPECT_EQ(At("[fe|||]male", 10), Alternating({"female", "male", "male", "male"}));
  EXPECT_EQ(At("a [b:.5] c", 10, 10), (Versions{{10, "a b c"}}));
  EXPECT_EQ(At("a [b:1.5] c", 10, 10), (Versions{{5, "a  c"}, {10, "a b c"}}));
}

// The example at the head of prompt_parser.py, 100 steps.
TEST(PromptScheduleTest, ReadsTheExampleAtTheHeadOfTheFile) {
  const std::string head = "fantasy landscape with a ";
  EXPECT_EQ(
      At("fantasy landscape with a [mountain:lake:0.25] and [an oak:a christmas tree:0.75][ in "
         "foreground::0.6][ in background:0.25] [shoddy:masterful:0.5]",
         100),
      (Versions{{25, head + "mountain and an oak in foreground shoddy"},
                {50, head + "lake and an oak in foreground in background shoddy"},
                {60, head + "lake and an oak in foreground in background masterful"},
                {75, head + "lake and an oak in background masterful"},
                {100, head + "lake and a christmas tree in background masterful"}}));
}

// collect_steps(): with "." a part of the steps, truncated; without, a step; at most all steps; not
// recorded below 1.
TEST(PromptScheduleTest, CountsStepsAndFractions) {
  EXPECT_EQ(At("[a:b:0.33]", 10), (Versions{{3, "a"}, {10, "b"}}));
  EXPECT_EQ(At("[a:b:1.0]", 10), (Versions{{10, "a"}}));
  EXPECT_EQ(At("[a:b:1]", 10), (Versions{{1, "a"}, {10, "b"}}));
  EXPECT_EQ(At("[a:b:99]", 10), (Versions{{10, "a"}}));
  EXPECT_EQ(At("[a:b:0]", 10), (Versions{{10, "b"}}));
  EXPECT_EQ(At("[a:b:-2]", 10), (Versions{{10, "b"}}));
  EXPECT_EQ(At("[a:b:+2]", 10), (Versions{{2, "a"}, {10, "b"}}));
  EXPECT_EQ(At("[a:b:4e0]", 10), (Versions{{4, "a"}, {10, "b"}}));
  EXPECT_EQ(At("[a:b:1e999]", 10), (Versions{{10, "a"}}));
  EXPECT_EQ(At("[a::4]", 10), (Versions{{4, "a"}, {10, ""}}));
  // Absolute steps count from the first pass's end.
  EXPECT_EQ(At("[a:b:24]", 10, 20), (Versions{{4, "a"}, {10, "b"}}));
  EXPECT_EQ(At("[a:b:20]", 10, 20), (Versions{{10, "b"}}));
  EXPECT_EQ(At("[a:b:1.25]", 20, 7), (Versions{{5, "a"}, {20, "b"}}));
}

// By the grammar: none of these brackets forms a construct, and outside of constructs only "|" and
// a backslash before nothing cannot be read at all.
TEST(PromptScheduleTest, ReadsWhatIsNoConstructAsText) {
  for (const char* const text :
       {"[a:b:c:3]", "[a|b:3]", "[a:3 4]", "[a:x]", "[:]", "[]", "(a:b)", "[a:b\\:3]", "a \\[b:3]",
        "a|b [c:d:3]", "(a|b) [c:d:3]", "[c:d:3] \\", "[c:d:3] \\\n", "[a (b:c:d) :e:3]", ""}) {
    EXPECT_EQ(At(text, 10), (Versions{{10, text}})) << text;
  }
  EXPECT_EQ(At("[x:y:3] \\a", 10), (Versions{{3, "x \\a"}, {10, "y \\a"}}));
}

TEST(PromptScheduleTest, PrefersConstructsWhereTheGrammarIsAmbiguous) {
  EXPECT_EQ(At("(a:b:c [d:e:3])", 10), (Versions{{3, "(a:b:c d)"}, {10, "(a:b:c e)"}}));
  EXPECT_EQ(At("[a:b:3]]", 10), (Versions{{3, "a]"}, {10, "b]"}}));
}

TEST(PromptScheduleTest, NestsConstructs) {
  EXPECT_EQ(At("[[a|b]:c:2]", 4), (Versions{{1, "a"}, {2, "b"}, {3, "c"}, {4, "c"}}));
  EXPECT_EQ(At("[x|[a:b:3]]y", 4), (Versions{{1, "xy"}, {2, "ay"}, {3, "xy"}, {4, "by"}}));
  EXPECT_EQ(At("([a:b:1]) [c]", 2), (Versions{{1, "(a) [c]"}, {2, "(b) [c]"}}));
}

TEST(PromptScheduleTest, LimitsItsWork) {
  EXPECT_EQ(SchedulePrompt("[a|b]", int64_t{1} << 40).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SchedulePrompt("[a|b]" + std::string(1 << 20, ' '), 100).status().code(),
            absl::StatusCode::kInvalidArgument);
  std::string deep = "a";
  for (int i = 0; i < 50'000; ++i) deep = "[" + deep;
  for (int i = 0; i < 50'000; ++i) deep += ":2]";
  EXPECT_EQ(At(deep, 3), (Versions{{2, ""}, {3, "a"}}));
}

}  // namespace
}  // namespace patchbay
