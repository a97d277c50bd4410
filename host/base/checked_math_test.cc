#include "host/base/checked_math.h"

#include <limits>

#include "gtest/gtest.h"

namespace patchbay {
namespace {

constexpr uint64_t kLargest = std::numeric_limits<uint64_t>::max();

TEST(CheckedMathTest, Multiplies) {
  EXPECT_EQ(CheckedMultiply(6, 7), 42);
  EXPECT_EQ(CheckedMultiply(kLargest, 1), kLargest);
  EXPECT_EQ(CheckedMultiply(uint64_t{1} << 32, uint64_t{1} << 32), std::nullopt);
}

TEST(CheckedMathTest, Adds) {
  EXPECT_EQ(CheckedAdd(40, 2), 42);
  EXPECT_EQ(CheckedAdd(kLargest, 1), std::nullopt);
}

}  // namespace
}  // namespace patchbay
