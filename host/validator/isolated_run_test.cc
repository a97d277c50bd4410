#include "host/validator/isolated_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <vector>

namespace patchbay {
namespace {

using testing::HasSubstr;

Verdict RunLimited(const std::function<Verdict(Place&)>& body) {
  return RunIsolated(body, {.time = std::chrono::milliseconds(1500), .bytes = uint64_t{1} << 30});
}

TEST(IsolatedRunTest, GivesTheVerdict) {
  EXPECT_EQ(RunLimited([](Place&) { return Pass("well"); }).kind, Verdict::Kind::kPass);
  const Verdict verdict = RunLimited([](Place&) { return Skip("two\nlines"); });
  EXPECT_EQ(verdict.kind, Verdict::Kind::kSkip);
  EXPECT_EQ(verdict.reason, "two\nlines");
}

TEST(IsolatedRunTest, SaysHowAndWhereItEnded) {
  Verdict verdict = RunLimited([](Place& place) -> Verdict {
    place.Set("in a hook");
    std::fputs("last words\n", stderr);
    raise(SIGSEGV);
    return Pass();
  });
  EXPECT_EQ(verdict.kind, Verdict::Kind::kFail);
  EXPECT_THAT(verdict.reason, HasSubstr("crashed (Segmentation fault) in a hook"));
  EXPECT_THAT(verdict.reason, HasSubstr("last words"));

  verdict = RunLimited([](Place&) -> Verdict { _exit(0); });
  EXPECT_THAT(verdict.reason, HasSubstr("ended the process with status 0"));

  verdict = RunLimited([](Place&) -> Verdict { throw std::runtime_error("a reason"); });
  EXPECT_THAT(verdict.reason, HasSubstr("a reason"));
}

TEST(IsolatedRunTest, EndsWhatTakesTooLong) {
  const auto start = std::chrono::steady_clock::now();
  const Verdict verdict = RunLimited([](Place& place) -> Verdict {
    place.Set("in a loop");
    for (;;) pause();
  });
  EXPECT_THAT(verdict.reason, HasSubstr("did not end within 1.5 s in a loop"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST(IsolatedRunTest, LimitsMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "no limit under the sanitizers";
#endif
  const Verdict verdict = RunLimited([](Place&) {
    const std::vector<char> much(size_t{2} << 30, 'x');
    return Pass(std::string(1, much.back()));
  });
  EXPECT_EQ(verdict.kind, Verdict::Kind::kFail);
  EXPECT_THAT(verdict.reason, HasSubstr("memory"));
}

}  // namespace
}  // namespace patchbay
