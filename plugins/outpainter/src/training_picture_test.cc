#include "plugins/outpainter/src/training_picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/training/src/seeded_draws.h"

namespace outpainter {
namespace {

at::Generator Draws(int64_t step) { return training::GeneratorFor(7, step); }

// Each pixel tells its row and column.
TrainingPicture Numbered(int64_t height, int64_t width) {
  const at::Tensor rows = at::arange(height, at::kFloat).view({1, 1, height, 1}) / 1000;
  const at::Tensor columns = at::arange(width, at::kFloat).view({1, 1, 1, width}) / 1000;
  const at::Tensor zero = at::zeros({1, 1, height, width});
  return {at::cat({rows + zero, columns + zero, zero}, 1), at::ones({1, 1, height, width})};
}

TEST(TrainingPictureTest, WhatIsOpaqueIsLearned) {
  at::Tensor rgba = at::full({1, 4, 2, 3}, 0.75);
  rgba.select(1, 3).select(2, 0).fill_(0.25);
  const TrainingPicture picture = LearnedFrom(rgba);
  EXPECT_TRUE(at::equal(picture.picture, at::full({1, 3, 2, 3}, 0.5)));
  EXPECT_TRUE(at::equal(picture.known[0][0][1], at::tensor({0.f, 1.f, 1.f})));
}

TEST(TrainingPictureTest, ReferencesCoverThePart) {
  for (const auto& [height, width] : {std::pair{50, 200}, std::pair{9, 7}, std::pair{64, 64}}) {
    for (int64_t step = 0; step < 20; ++step) {
      const TrainingPicture part = CutFromScaled(Numbered(height, width), {64, 32}, Draws(step));
      EXPECT_EQ(part.picture.sizes(), (std::vector<int64_t>{1, 3, 64, 32}));
      EXPECT_EQ(part.known.sizes(), (std::vector<int64_t>{1, 1, 64, 32}));
      // By an eighth at most smaller than the largest part that there is.
      const at::Tensor rows = part.picture[0][0].select(1, 0);
      const double seen = (rows[63] - rows[0]).item<double>() * 1000;
      const double largest = std::min(height * 1.0, width * 2.0);
      EXPECT_GT(seen, largest / 1.125 - 2 - largest / 64);
      EXPECT_LE(seen, largest);
    }
  }
}

TEST(TrainingPictureTest, PartsOfTheTargetAreUnscaledAndShowSomethingKnown) {
  TrainingPicture target = Numbered(40, 60);
  target.known.zero_();
  target.known[0][0][39][2] = 1;
  bool differ = false;
  for (int64_t step = 0; step < 20; ++step) {
    const TrainingPicture part = CutAroundKnown(target, {16, 24}, Draws(step));
    ASSERT_EQ(part.picture.sizes(), (std::vector<int64_t>{1, 3, 16, 24}));
    EXPECT_EQ(part.known.sum().item<float>(), 1);
    EXPECT_NEAR((part.picture[0][1][0][23] - part.picture[0][1][0][0]).item<double>(), 0.023, 1e-6);
    differ = differ || part.known[0][0][15][0].item<float>() != 1;
  }
  EXPECT_TRUE(differ);
  const TrainingPicture whole = CutAroundKnown(target, {40, 60}, Draws(0));
  EXPECT_TRUE(at::equal(whole.picture, target.picture));
}

TEST(TrainingPictureTest, HidesAllRectanglesOrAllButThese) {
  int all = 0, little = 0, much = 0;
  for (int64_t step = 0; step < 400; ++step) {
    const at::Tensor hidden = DrawHidden({64, 48}, Draws(step));
    ASSERT_EQ(hidden.sizes(), (std::vector<int64_t>{1, 1, 64, 48}));
    EXPECT_TRUE(at::logical_or(hidden == 0, hidden == 1).all().item<bool>());
    const double share = hidden.mean().item<double>();
    EXPECT_GT(share, 0);
    if (share == 1) ++all;
    if (share < 0.3) ++little;
    if (share > 0.7 && share < 1) ++much;
  }
  EXPECT_GT(all, 20);
  EXPECT_LT(all, 60);
  EXPECT_GT(little, 80);
  EXPECT_GT(much, 80);
}

}  // namespace
}  // namespace outpainter
