#include "plugins/moma/src/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/testing/refusal.h"

namespace moma {
namespace {

TEST(SettingsTest, TheModeHasAStrength) {
  Settings settings;
  EXPECT_EQ(StrengthOf(settings), 1.0);
  settings.mode = Mode::kTexture;
  EXPECT_EQ(StrengthOf(settings), 0.4);
  settings.strength = 0;
  EXPECT_EQ(StrengthOf(settings), 0.0);
}

TEST(SettingsTest, LayersHaveAFactorEach) {
  EXPECT_EQ(LayerFactors({}, {"a", "b"}), (std::vector<double>{1, 1}));
  EXPECT_EQ(LayerFactors({0, 2}, {"a", "b"}), (std::vector<double>{0, 2}));
  EXPECT_THAT(patchbay::Refusal([] {
                LayerFactors({0.5}, {"a", "b"});
              }),
              testing::HasSubstr("1 numbers, and the model has 2 transformers: a, b"));
}

}  // namespace
}  // namespace moma
