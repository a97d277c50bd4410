#include "bridges/comfyui/sigmas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay::comfyui {
namespace {

using ::testing::HasSubstr;

SigmasPlan Plan(const SigmasValue& sigmas, bool adds_noise = true) {
  const auto plan = PlanSigmas(sigmas, "euler", adds_noise);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.value_or(SigmasPlan());
}

std::string Error(const SigmasValue& sigmas, const std::string& sampler) {
  return std::string(PlanSigmas(sigmas, sampler, true).status().message());
}

TEST(SigmasTest, AllOfThemNeedNoRange) {
  EXPECT_FALSE(Plan({"normal", 20}).range.has_value());
  const SigmasPlan quiet = Plan({"normal", 20}, false);
  EXPECT_TRUE(quiet.range->without_added_noise());
  EXPECT_FALSE(quiet.range->has_end());
}

TEST(SigmasTest, PartsOfParts) {
  const auto [high, low] = SplitAt({"normal", 20}, 8);
  EXPECT_EQ(Plan(high).range->end(), 8);
  EXPECT_TRUE(Plan(high).range->keep_noise());
  EXPECT_EQ(Plan(low).range->first(), 8);
  EXPECT_FALSE(Plan(low).range->has_end());
  const auto [middle, rest] = SplitAt(low, 4);
  EXPECT_EQ(Plan(middle).range->first(), 8);
  EXPECT_EQ(Plan(middle).range->end(), 12);
  EXPECT_EQ(Plan(rest).range->first(), 12);
}

TEST(SigmasTest, BeyondTheEndIsEverythingAndNothing) {
  const auto [high, low] = SplitAt({"normal", 20}, 30);
  EXPECT_FALSE(Plan(high).range.has_value());
  EXPECT_EQ(Plan(low).range->first(), 30);
  const auto [first, second] = SplitAt(SplitAt({"normal", 20}, 8).first, 9);
  EXPECT_EQ(Plan(first).range->end(), 8);
  EXPECT_TRUE(Plan(second).is_nothing);
  EXPECT_TRUE(Plan({"normal", 20, 0}).is_nothing);
}

TEST(SigmasTest, OneLevelIsNoStep) {
  const SigmasValue one = SplitAt({"normal", 20}, 0).first;
  EXPECT_THAT(Error(one, "euler"), HasSubstr("one level"));
  EXPECT_TRUE(Plan(one, false).is_nothing);
}

// Of 10 steps a quarter is 2.5, which Python rounds to 2; of 6, 1.5, which it rounds to 2 as well.
TEST(SigmasTest, Shares) {
  EXPECT_EQ(SplitByShare({"karras", 10}, 0.25)->second.first, 8);
  EXPECT_EQ(SplitByShare({"karras", 6}, 0.25)->second.first, 4);
  EXPECT_EQ(SplitByShare({"karras", 6}, 0.25)->first.last, 4);
  EXPECT_TRUE(Plan(SplitByShare({"karras", 6}, 0)->first).is_nothing);
  EXPECT_THAT(std::string(SplitByShare({"beta", 6}, 0.5).status().message()), HasSubstr("beta"));
}

// 30 steps are each 1000 / 30 = 33 trained ones long; from 1 to 999 there are 31 such levels.
TEST(SigmasTest, SurplusLevelsAreLeftOut) {
  EXPECT_EQ(Plan({"ddim_uniform", 30}).range->first(), 1);
  EXPECT_FALSE(Plan({"ddim_uniform", 20}).range.has_value());
  EXPECT_FALSE(Plan({"ddim_uniform", 30, 0.5}).range.has_value());
  EXPECT_EQ(Plan(SplitAt({"ddim_uniform", 30}, 10).first).range->end(), 11);
}

TEST(SigmasTest, RefusesSamplersThatLeaveOutALevel) {
  for (const char* sampler : {"dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2"}) {
    EXPECT_THAT(Error({"normal", 20}, sampler), HasSubstr(sampler));
  }
}

}  // namespace
}  // namespace patchbay::comfyui
