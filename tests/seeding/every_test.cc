// Linked into every test program that uses LibTorch, whose random numbers begin anew with each
// process. Here they begin the same with each test, whichever ran before it, so that a test that
// fails does so again.

#include <ATen/ATen.h>

#include "gtest/gtest.h"

namespace {

class SeedsEveryTest : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& /*test*/) override { at::manual_seed(1); }
};

[[maybe_unused]] const bool kIsListening = [] {
  testing::UnitTest::GetInstance()->listeners().Append(new SeedsEveryTest);
  return true;
}();

}  // namespace
