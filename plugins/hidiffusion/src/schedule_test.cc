#include "plugins/hidiffusion/src/schedule.h"

#include <gtest/gtest.h>

namespace hidiffusion {
namespace {

constexpr Network kSd15 = Network::kAttentionFromTop;
constexpr Network kSdxl = Network::kAttentionBelow;

Timing Official(Network network, int64_t side, bool few_steps = false,
                bool may_be_aggressive = true) {
  return ChooseTiming(network, {side, side}, few_steps, may_be_aggressive, {});
}

// How many steps each edit is active in, and the first one of pooling.
struct Counts {
  int strided = 0;
  int pooling = 0;
  int first_pooling = -1;
  friend bool operator==(const Counts&, const Counts&) = default;
};

Counts CountEdits(Network network, const Timing& timing, int steps) {
  Counts counts;
  for (int step = 0; step < steps; ++step) {
    const ActiveEdits edits = EditsAt(network, timing, step, steps);
    counts.strided += edits.strided_convolution ? 1 : 0;
    if (edits.pooling && counts.pooling++ == 0) counts.first_pooling = step;
  }
  return counts;
}

// Numbers of steps as the published code computes them (version 0.1.10 of its package).
struct Row {
  int steps;
  int sd15_1024;
  int sd15_2048_t1;
  int sd15_2048_t2;
  int sdxl_aggressive;
  int sdxl_t1;
  int sdxl_4096_t1;
  int sdxl_4096_t2;
  int turbo;
};
constexpr Row kTable[] = {
    {4, 1, 2, 1, 0, 1, 2, 1, 2},           {8, 3, 5, 2, 1, 3, 5, 2, 4},
    {20, 8, 14, 6, 3, 8, 14, 6, 10},       {25, 10, 17, 7, 4, 10, 17, 7, 12},
    {30, 12, 21, 9, 4, 12, 21, 9, 15},     {50, 20, 35, 15, 8, 20, 35, 15, 25},
    {100, 40, 70, 30, 16, 40, 70, 30, 50},
};

TEST(HiDiffusionScheduleTest, ActsAsLongAsThePublishedCode) {
  for (const Row& row : kTable) {
    SCOPED_TRACE(row.steps);
    EXPECT_EQ(CountEdits(kSd15, Official(kSd15, 128), row.steps), (Counts{row.sd15_1024, 0, -1}));
    EXPECT_EQ(CountEdits(kSd15, Official(kSd15, 256), row.steps),
              (Counts{row.sd15_2048_t1, row.sd15_2048_t2, 0}));
    EXPECT_EQ(
        CountEdits(kSdxl, Official(kSdxl, 256), row.steps),
        (Counts{row.sdxl_aggressive, row.sdxl_t1 - row.sdxl_aggressive, row.sdxl_aggressive}));
    EXPECT_EQ(CountEdits(kSdxl, Official(kSdxl, 512), row.steps),
              (Counts{row.sdxl_4096_t2, row.sdxl_4096_t1, 0}));
    EXPECT_EQ(CountEdits(kSdxl, Official(kSdxl, 128, /*few_steps=*/true), row.steps),
              (Counts{0, row.turbo, 0}));
  }
}

TEST(HiDiffusionScheduleTest, InpaintingModelsPoolFromTheFirstStep) {
  EXPECT_EQ(CountEdits(kSdxl, Official(kSdxl, 256, false, /*may_be_aggressive=*/false), 50),
            (Counts{0, 20, 0}));
}

// 0.7 has no exact binary form: 90 times it is just below 63.
TEST(HiDiffusionScheduleTest, CutsOffLikeDoublePrecision) {
  EXPECT_EQ(CountEdits(kSd15, Official(kSd15, 256), 90).strided, 62);
  EXPECT_EQ(CountEdits(kSd15, Official(kSd15, 256), 170).strided, 118);
  EXPECT_EQ(CountEdits(kSd15, Official(kSd15, 256), 180).strided, 125);
}

TEST(HiDiffusionScheduleTest, OneShortSideKeepsTheSmallerProfile) {
  const Timing panorama = ChooseTiming(kSd15, {255, 1024}, false, true, {});
  EXPECT_DOUBLE_EQ(panorama.t1, 0.4);
  EXPECT_DOUBLE_EQ(ChooseTiming(kSdxl, {512, 511}, false, true, {}).t1, 0.4);
}

TEST(HiDiffusionScheduleTest, SettingsWin) {
  const Timing timing =
      ChooseTiming(kSdxl, {256, 256}, false, true,
                   {.t1 = 0.9, .t2 = 0.1, .aggressive = TimingChoice::Aggressive::kOff});
  EXPECT_EQ(CountEdits(kSdxl, timing, 10), (Counts{1, 9, 0}));
  const Timing forced =
      ChooseTiming(kSdxl, {256, 256}, false, /*may_be_aggressive=*/false,
                   {.aggressive = TimingChoice::Aggressive::kOn, .aggressive_fraction = 0.3});
  EXPECT_EQ(CountEdits(kSdxl, forced, 10), (Counts{3, 1, 3}));
}

}  // namespace
}  // namespace hidiffusion
