#include "plugins/outpainter/src/noise_regret.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace outpainter {
namespace {

using ::testing::ElementsAre;

std::vector<int32_t> Trace(const RegretSettings& settings, int32_t step_count) {
  NoiseRegret regret(settings, step_count);
  std::vector<int32_t> steps;
  for (int32_t step = 0; step < step_count; step = regret.Next(step + 1)) steps.push_back(step);
  return steps;
}

// The steps that the authors' loop makes, followed by hand.
TEST(NoiseRegretTest, GoesBackAsTheAuthorsLoopDoes) {
  EXPECT_THAT(Trace({3, 2, 0.6}, 10), ElementsAre(0, 1, 2, 0, 1, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_THAT(Trace({2, 1, 0.6}, 10), ElementsAre(0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 6, 7, 8, 9));
}

TEST(NoiseRegretTest, NeverWithoutAJumpOrARepeat) {
  const std::vector<int32_t> plain = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(Trace({0, 4, 0.6}, 10), plain);
  EXPECT_EQ(Trace({3, 0, 0.6}, 10), plain);
  EXPECT_EQ(Trace({3, 4, 0.0}, 10), plain);
}

// T + M * J * (how many multiples of J lie below the share).
TEST(NoiseRegretTest, CountsItsSteps) {
  EXPECT_EQ(StepsWithRegret({3, 4, 0.6}, 25), 73);
  EXPECT_EQ(StepsWithRegret({3, 4, 0.6}, 50), 158);
  EXPECT_EQ(StepsWithRegret({0, 4, 0.6}, 50), 50);
  EXPECT_EQ(StepsWithRegret({1, 1, 0.58}, 50), 50 + 28);  // as a double, 0.58 * 50 is below 29
}

TEST(NoiseRegretTest, EndsForAllSettings) {
  for (int64_t jump = 0; jump <= 10; ++jump) {
    for (int64_t repeats = 0; repeats <= 10; ++repeats) {
      for (const double share : {0.0, 0.3, 1.0}) {
        const RegretSettings settings = {jump, repeats, share};
        const auto last = static_cast<int64_t>(share * 12);
        const int64_t places = jump > 0 && last > 0 ? (last - 1) / jump : 0;
        EXPECT_EQ(StepsWithRegret(settings, 12), 12 + repeats * jump * places);
      }
    }
  }
}

}  // namespace
}  // namespace outpainter
