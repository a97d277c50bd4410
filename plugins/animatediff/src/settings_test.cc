#include "plugins/animatediff/src/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "plugins/testing/refusal.h"

namespace animatediff {
namespace {

using testing::HasSubstr;

FrameWindows Windows(int64_t window, int64_t stride, int64_t longest) {
  Settings settings;
  settings.window = window;
  settings.stride = stride;
  return FrameWindowsOf(settings, longest);
}

std::string Refusal(int64_t window, int64_t stride, int64_t longest) {
  return patchbay::Refusal([&] { Windows(window, stride, longest); });
}

TEST(FrameWindowsOfTest, TakesWhatTheModuleWasMadeFor) {
  EXPECT_EQ(Windows(0, 0, 32).window, 16);
  EXPECT_EQ(Windows(0, 0, 32).stride, 4);
  EXPECT_EQ(Windows(0, 0, 8).window, 8);
  EXPECT_EQ(Windows(0, 0, 2).stride, 1);
  EXPECT_EQ(Windows(24, 6, 24).stride, 6);
}

TEST(FrameWindowsOfTest, RefusesLongerWindowsAndGaps) {
  EXPECT_THAT(Refusal(33, 0, 32), HasSubstr("window: 33 frames are more"));
  EXPECT_THAT(Refusal(33, 0, 32), HasSubstr("positions for 32"));
  EXPECT_THAT(Refusal(8, 9, 32), HasSubstr("stride: windows of 8 frames"));
  EXPECT_THAT(Refusal(0, 17, 32), HasSubstr("leave gaps"));
}

}  // namespace
}  // namespace animatediff
