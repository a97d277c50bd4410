#include "plugins/training/src/seeded_draws.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace training {
namespace {

TEST(SeededDrawsTest, DependOnSeedAndStepAlone) {
  std::set<int64_t> numbers;
  for (const auto& [seed, step] : {std::pair{42, 0}, {42, 1}, {43, 0}, {42, -1}}) {
    const int64_t number = DrawBelow(int64_t{1} << 40, GeneratorFor(seed, step));
    EXPECT_EQ(number, DrawBelow(int64_t{1} << 40, GeneratorFor(seed, step)));
    numbers.insert(number);
  }
  EXPECT_EQ(numbers.size(), 4);
}

TEST(SeededDrawsTest, StayBelow) {
  const at::Generator generator = GeneratorFor(1, 2);
  std::set<int64_t> drawn;
  for (int i = 0; i < 100; ++i) drawn.insert(DrawBelow(3, generator));
  EXPECT_EQ(drawn, (std::set<int64_t>{0, 1, 2}));
}

}  // namespace
}  // namespace training
