#include "host/runtime/prompt/a1111_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/runtime/prompt/test_tokenizer.h"

namespace patchbay {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

PromptOptions Options(int64_t calls = 20) {
  PromptOptions options;
  options.profile = CompatProfile::kA1111;
  options.calls = calls;
  return options;
}

Prompt Compile(std::string_view text, const Tokenizer& tokenizer, const PromptOptions& options) {
  absl::StatusOr<Prompt> prompt = CompilePrompt(text, options, tokenizer);
  EXPECT_TRUE(prompt.ok()) << prompt.status();
  return prompt.ok() ? *std::move(prompt) : Prompt{};
}

// get_multicond_prompt_list(): re_AND and re_weight, by hand.
TEST(A1111PromptTest, SplitsAtAnd) {
  using Operands = std::vector<WeightedOperand>;
  EXPECT_EQ(SplitAtAnd("a cat"), (Operands{{"a cat", 1}}));
  EXPECT_EQ(SplitAtAnd("a cat AND a dog:1.2"), (Operands{{"a cat", 1}, {" a dog", 1.2}}));
  EXPECT_EQ(SplitAtAnd("a :-.5 ANDANTE SAND AND"), (Operands{{"a :-.5 ANDANTE SAND", 1}, {"", 1}}));
  EXPECT_EQ(SplitAtAnd("a : -.5\nAND b:2."), (Operands{{"a", -0.5}, {" b", 2}}));
  EXPECT_EQ(SplitAtAnd("a:1e2 AND b:1.2.3 AND c:"),
            (Operands{{"a:1e2", 1}, {" b:1.2.3", 1}, {" c:", 1}}));
  EXPECT_EQ(SplitAtAnd("(a:1.2)"), (Operands{{"(a:1.2)", 1}}));
  // Also without AND.
  EXPECT_EQ(SplitAtAnd("a:2"), (Operands{{"a", 2}}));
  EXPECT_EQ(SplitAtAnd(":2"), (Operands{{"", 2}}));
}

TEST(A1111PromptTest, CompilesOperands) {
  const Tokenizer tokenizer = ByteTokenizer();
  const Prompt prompt = Compile("a AND b:0.5", tokenizer, Options());
  ASSERT_THAT(prompt.sub_prompts, SizeIs(2));
  EXPECT_EQ(prompt.sub_prompts[0].weight, 1);
  EXPECT_EQ(prompt.sub_prompts[1].weight, 0.5);
  EXPECT_EQ(prompt.sub_prompts[1].stages.at(0).text, " b");

  PromptOptions negative = Options();
  negative.split_at_and = false;
  const Prompt whole = Compile("a AND b:0.5", tokenizer, negative);
  ASSERT_THAT(whole.sub_prompts, SizeIs(1));
  EXPECT_EQ(whole.sub_prompts[0].stages.at(0).text, "a AND b:0.5");
}

std::vector<std::string> TextByCall(const SubPrompt& sub_prompt, int64_t calls) {
  std::vector<std::string> texts;
  for (const PromptStage& stage : sub_prompt.stages) {
    EXPECT_EQ(stage.first_call, static_cast<int64_t>(texts.size()));
    for (int64_t call = stage.first_call; call < stage.end_call; ++call)
      texts.push_back(stage.text);
  }
  EXPECT_EQ(static_cast<int64_t>(texts.size()), calls);
  return texts;
}

// reconstruct_cond_batch() takes the first version with counter <= end step, the counter from 0.
TEST(A1111PromptTest, ChangesOneCallAfterTheStep) {
  const Tokenizer tokenizer = ByteTokenizer();
  EXPECT_THAT(TextByCall(Compile("[a:b:0.5]", tokenizer, Options(6)).sub_prompts[0], 6),
              ElementsAre("a", "a", "a", "a", "b", "b"));
  EXPECT_THAT(TextByCall(Compile("[x|y]", tokenizer, Options(6)).sub_prompts[0], 6),
              ElementsAre("x", "x", "y", "x", "y", "x"));
  EXPECT_THAT(TextByCall(Compile("[a:b:5]", tokenizer, Options(6)).sub_prompts[0], 6),
              ElementsAre("a", "a", "a", "a", "a", "a"));
  PromptOptions second_pass = Options(4);
  second_pass.calls_before = 6;
  EXPECT_THAT(TextByCall(Compile("[a:b:7]", tokenizer, second_pass).sub_prompts[0], 4),
              ElementsAre("a", "a", "b", "b"));
}

// forward() fills up with empty chunks, so that all versions can go through the network together.
TEST(A1111PromptTest, GivesAllStagesTheSameNumberOfChunks) {
  const Tokenizer tokenizer = ByteTokenizer();
  const Prompt prompt = Compile("[a:b BREAK c:2]", tokenizer, Options());
  ASSERT_THAT(prompt.sub_prompts[0].stages, SizeIs(2));
  EXPECT_THAT(prompt.sub_prompts[0].stages[1].chunks, SizeIs(2));
  ASSERT_THAT(prompt.sub_prompts[0].stages[0].chunks, SizeIs(2));
  EXPECT_EQ(prompt.sub_prompts[0].stages[0].chunks[1], EmptyChunk(tokenizer));
}

TEST(A1111PromptTest, ReadsAttentionAfterEditing) {
  const Tokenizer tokenizer = ByteTokenizer();
  const Prompt prompt = Compile("([a:(b:2):0.5])", tokenizer, Options(10));
  ASSERT_THAT(prompt.sub_prompts[0].stages, SizeIs(2));
  EXPECT_EQ(prompt.sub_prompts[0].stages[0].chunks[0].weights[1], 1.1f);
  EXPECT_EQ(prompt.sub_prompts[0].stages[1].chunks[0].weights[1], static_cast<float>(2 * 1.1));
}

TEST(A1111PromptTest, CompilesAnEmptyPrompt) {
  const Tokenizer tokenizer = ByteTokenizer().WithPad(0);
  const Prompt prompt = Compile("", tokenizer, Options());
  ASSERT_THAT(prompt.sub_prompts, SizeIs(1));
  EXPECT_THAT(prompt.sub_prompts[0].stages.at(0).chunks, ElementsAre(EmptyChunk(tokenizer)));
}

TEST(A1111PromptTest, RefusesPromptsBeyondAllUse) {
  const Tokenizer tokenizer = ByteTokenizer();
  std::string operands = "a";
  for (int i = 0; i < 20'000; ++i) operands += " AND a";
  std::string breaks = "a";
  for (int i = 0; i < 600; ++i) breaks += " BREAK a";
  for (const std::string& text : {operands, breaks, std::string(kMaxPromptBytes + 1, ' ')}) {
    EXPECT_EQ(CompilePrompt(text, Options(), tokenizer).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text.substr(0, 20);
  }
}

}  // namespace
}  // namespace patchbay
