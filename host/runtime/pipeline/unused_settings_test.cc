#include "host/runtime/pipeline/unused_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(UnusedSettingsTest, NamesEtaWhereTheSamplerDrawsNoNoise) {
  GenerationRequest request;
  EXPECT_THAT(UnusedSettings(request, "euler"), IsEmpty());
  request.eta_given = true;
  EXPECT_THAT(UnusedSettings(request, "euler"), ElementsAre(HasSubstr("sampler euler")));
  EXPECT_THAT(UnusedSettings(request, "lcm"), ElementsAre(HasSubstr("eta")));
  EXPECT_THAT(UnusedSettings(request, "ddim"), IsEmpty());
  EXPECT_THAT(UnusedSettings(request, "dpmpp_3m_sde"), IsEmpty());
}

TEST(UnusedSettingsTest, NamesAStrengthWithoutAStart) {
  GenerationRequest request;
  request.strength = 0.5;
  EXPECT_THAT(UnusedSettings(request, "euler"), ElementsAre(HasSubstr("strength")));
  request.start_latent = LatentBuffer{};
  EXPECT_THAT(UnusedSettings(request, "euler"), IsEmpty());
}

TEST(UnusedSettingsTest, NamesANegativePromptWithoutGuidance) {
  GenerationRequest request;
  request.guidance_scale = 1;
  EXPECT_THAT(UnusedSettings(request, "euler"), IsEmpty());
  request.negative_prompt = "blurry";
  EXPECT_THAT(UnusedSettings(request, "euler"), ElementsAre(HasSubstr("negative prompt")));
  request.plugins.push_back({});
  EXPECT_THAT(UnusedSettings(request, "euler"), IsEmpty());
}

TEST(UnusedSettingsTest, NamesABlackMask) {
  GenerationRequest request;
  request.mask = Picture{2, 1, 1, {0, 100}};
  EXPECT_THAT(UnusedSettings(request, "euler"), ElementsAre(HasSubstr("mask")));
  // Black, painted where it is opaque.
  request.mask = Picture{2, 1, 4, {0, 0, 0, 0, 0, 0, 0, 255}};
  EXPECT_THAT(UnusedSettings(request, "euler"), IsEmpty());
}

}  // namespace
}  // namespace patchbay
