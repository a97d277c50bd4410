#include "host/runtime/sampling/sigma_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay {
namespace {

using testing::DoubleNear;
using testing::Pointwise;

MATCHER_P(Within, tolerance, "") {
  return std::abs(std::get<0>(arg) - std::get<1>(arg)) <= tolerance;
}

// Stable Diffusion's noise schedule. The values for ten steps were measured on the original
// implementations of k-diffusion and ComfyUI, and have four decimals.
const NoiseSchedule& StableDiffusion() {
  static const auto& schedule = *new NoiseSchedule(NoiseScheduleConfig{});
  return schedule;
}

void ExpectTable(const std::string& name, const std::vector<double>& expected) {
  std::vector<double> with_end = expected;
  with_end.push_back(0);
  EXPECT_THAT(ComfyUiSigmas(StableDiffusion(), name, 10), Pointwise(Within(6e-5), with_end))
      << name;
}

TEST(SigmaTable, HasTheModelsLimits) {
  EXPECT_THAT(StableDiffusion().sigma_min(), DoubleNear(0.0291671582, 1e-6));
  EXPECT_THAT(StableDiffusion().sigma_max(), DoubleNear(14.6146412293, 1e-4));
}

TEST(SigmaTable, AgreesWithMeasuredValues) {
  ExpectTable("karras",
              {14.6146, 9.1029, 5.4784, 3.1686, 1.7494, .9141, .4469, .2014, .0819, .0292});
  ExpectTable("normal",
              {14.6146, 7.8399, 4.6092, 2.9183, 1.9502, 1.3449, .9324, .6250, .3687, .0292});
  ExpectTable("sgm_uniform",
              {14.6146, 8.3072, 5.0924, 3.3251, 2.2797, 1.6156, 1.1629, .8319, .5712, .3437});
  ExpectTable("simple",
              {14.6146, 8.3028, 5.0878, 3.3211, 2.2765, 1.6129, 1.1606, .8299, .5693, .3417});
  ExpectTable("ddim_uniform",
              {8.3907, 5.1344, 3.3478, 2.2929, 1.6237, 1.1682, .8357, .5741, .3462, .0413});
}

TEST(SigmaTable, EveryTableFallsToZero) {
  for (const char* name : {"normal", "karras", "exponential", "sgm_uniform", "simple", "beta",
                           "ddim_uniform", "linear_quadratic", "kl_optimal"}) {
    for (const int64_t steps : {1, 2, 3, 20, 150}) {
      const std::vector<double> sigmas = ComfyUiSigmas(StableDiffusion(), name, steps);
      ASSERT_GE(sigmas.size(), 2u) << name << " " << steps;
      EXPECT_EQ(sigmas.back(), 0) << name;
      for (size_t i = 1; i < sigmas.size(); ++i) {
        EXPECT_LT(sigmas[i], sigmas[i - 1]) << name << " " << steps << " at " << i;
      }
    }
  }
}

TEST(SigmaTable, UnknownNameGivesNothing) {
  EXPECT_TRUE(ComfyUiSigmas(StableDiffusion(), "leading", 10).empty());
}

// Beta(0.6, 0.6) is symmetric, and its density is largest at the ends.
TEST(SigmaTable, BetaQuantilesAreSymmetric) {
  EXPECT_NEAR(BetaQuantile(0.5), 0.5, 1e-12);
  EXPECT_NEAR(BetaQuantile(0.2), 1 - BetaQuantile(0.8), 1e-12);
  EXPECT_LT(BetaQuantile(0.1), 0.1);
  EXPECT_EQ(BetaQuantile(0), 0);
  EXPECT_EQ(BetaQuantile(1), 1);
}

}  // namespace
}  // namespace patchbay
