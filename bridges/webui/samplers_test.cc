#include "bridges/webui/samplers.h"

#include <gtest/gtest.h>

namespace patchbay::webui {
namespace {

TEST(SamplersTest, SplitsCombinedNames) {
  const SamplerAndScheduler choice = ResolveSampler("dpm++ 2M sde Karras", "");
  EXPECT_EQ(choice.sampler.host_name, "dpmpp_2m_sde");
  EXPECT_EQ(choice.scheduler.host_name, "karras");
  EXPECT_FALSE(choice.fell_back);
  EXPECT_EQ(ResolveSampler("Euler SGM Uniform", "").scheduler.name, "sgm_uniform");
}

TEST(SamplersTest, ASchedulerThatIsNamedCountsMoreThanTheTail) {
  EXPECT_EQ(ResolveSampler("DPM++ 2M Karras", "Exponential").scheduler.name, "exponential");
  EXPECT_EQ(ResolveSampler("DPM++ 2M Karras", "Automatic").scheduler.name, "karras");
}

TEST(SamplersTest, AnUnknownNameIsTheFirstAndSaysSo) {
  const SamplerAndScheduler choice = ResolveSampler("Nonsense", "nonsense");
  EXPECT_EQ(choice.sampler.name, "DPM++ 2M");
  EXPECT_EQ(choice.scheduler.name, "automatic");
  EXPECT_TRUE(choice.fell_back);
}

}  // namespace
}  // namespace patchbay::webui
