#include "plugins/animatediff/src/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace animatediff {
namespace {

using testing::HasSubstr;

std::string Refusal(const Settings& settings, int64_t longest) {
  try {
    FrameWindowsOf(settings, longest);
  } catch (const patchbay::Error& error) {
    return error.what();
  }
  return "";
}

TEST(FrameWindowsOfTest, TakesWhatTheModuleWasMadeFor) {
  EXPECT_EQ(FrameWindowsOf({}, 32).window, 16);
  EXPECT_EQ(FrameWindowsOf({}, 32).stride, 4);
  EXPECT_EQ(FrameWindowsOf({}, 8).window, 8);
  EXPECT_EQ(FrameWindowsOf({}, 2).stride, 1);
  EXPECT_EQ(FrameWindowsOf({.window = 24, .stride = 6}, 24).stride, 6);
}

TEST(FrameWindowsOfTest, RefusesLongerWindowsAndGaps) {
  EXPECT_THAT(Refusal({.window = 33}, 32), HasSubstr("window: 33 frames are more"));
  EXPECT_THAT(Refusal({.window = 33}, 32), HasSubstr("positions for 32"));
  EXPECT_THAT(Refusal({.window = 8, .stride = 9}, 32), HasSubstr("stride: windows of 8 frames"));
  EXPECT_THAT(Refusal({.stride = 17}, 32), HasSubstr("leave gaps"));
}

}  // namespace
}  // namespace animatediff
