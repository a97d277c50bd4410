#include "plugins/ip-adapter/src/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/testing/refusal.h"

namespace ip_adapter {
namespace {

using ::testing::HasSubstr;

at::Tensor White(int64_t height, int64_t width) { return at::ones({1, 4, height, width}); }

std::string Refusal(const Settings& settings) {
  return patchbay::Refusal([&] { ImagePromptsOf(settings); });
}

TEST(SettingsTest, TakesPicturesInTheirOrder) {
  Settings settings;
  settings.weight = 0.7;
  settings.image_2.rgba = White(2, 3);
  settings.image_4.rgba = White(4, 5);
  settings.weight_4 = 0.2;
  settings.mask_4.rgba = White(6, 7);
  const std::vector<ImagePrompt> prompts = ImagePromptsOf(settings);
  ASSERT_EQ(prompts.size(), 2u);
  EXPECT_EQ(prompts[0].weight, 0.7);
  EXPECT_FALSE(prompts[0].mask.defined());
  EXPECT_EQ(prompts[1].weight, 0.2);
  EXPECT_EQ(prompts[1].pixels.sizes(), (at::IntArrayRef{4, 5, 3}));
  EXPECT_EQ(prompts[1].mask.sizes(), (at::IntArrayRef{6, 7, 3}));
  EXPECT_EQ(prompts[1].mask_field, "mask_4");
}

TEST(SettingsTest, WeightZeroIsNoPicture) {
  Settings settings;
  settings.weight = 0;
  EXPECT_TRUE(ImagePromptsOf(settings).empty());
  settings.image.rgba = settings.image_2.rgba = White(2, 2);
  EXPECT_TRUE(ImagePromptsOf(settings).empty());
  settings.weight_2 = 0.5;
  EXPECT_EQ(ImagePromptsOf(settings).size(), 1u);
}

TEST(SettingsTest, SaysWhatIsMissing) {
  Settings settings;
  EXPECT_THAT(Refusal(settings), HasSubstr("no picture"));
  settings.image.rgba = White(2, 2);
  settings.mask_3.rgba = White(2, 2);
  EXPECT_THAT(Refusal(settings), HasSubstr("mask_3 has no picture; give one as image_3"));
  settings.mask_3 = {};
  settings.mask.rgba = at::zeros({1, 4, 2, 2});
  EXPECT_THAT(Refusal(settings), HasSubstr("mask is empty"));
}

}  // namespace
}  // namespace ip_adapter
