#include "plugins/deep-shrink/src/resize.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>

namespace deep_shrink {
namespace {

constexpr Method kAll[] = {Method::kBicubic, Method::kNearestExact, Method::kBilinear,
                           Method::kArea, Method::kBislerp};

TEST(DeepShrinkResizeTest, KeepsWhatIsConstant) {
  const at::Tensor level =
      at::tensor({1.0f, -2.0f, 0.5f}).reshape({1, 3, 1, 1}).expand({2, 3, 6, 9});
  for (const Method method : kAll) {
    const at::Tensor resized = Resize(level, 4, 12, method);
    ASSERT_EQ(resized.sizes(), (at::IntArrayRef{2, 3, 4, 12}));
    EXPECT_TRUE(at::allclose(resized, level.slice(2, 0, 1).slice(3, 0, 1).expand({2, 3, 4, 12}),
                             1e-5, 1e-5));
  }
}

TEST(DeepShrinkResizeTest, SameSizeIsTheSame) {
  const at::Tensor x = at::randn({1, 4, 5, 7});
  for (const Method method : kAll)
    EXPECT_TRUE(at::allclose(Resize(x, 5, 7, method), x, 1e-5, 1e-5));
}

TEST(DeepShrinkResizeTest, AreaAverages) {
  const at::Tensor x = at::arange(16).reshape({1, 1, 4, 4}).to(at::kFloat);
  EXPECT_TRUE(at::equal(Resize(x, 2, 2, Method::kArea),
                        at::tensor({2.5f, 4.5f, 10.5f, 12.5f}).reshape({1, 1, 2, 2})));
}

// Halfway between two directions of different lengths: the direction halfway on the circle, the
// length in the middle. Linear interpolation would be shorter.
TEST(DeepShrinkResizeTest, BislerpTurnsInsteadOfShortening) {
  // Two channels, one row of two positions: (2, 0) and (0, 4). Enlarged to four, the inner
  // positions lie a quarter and three quarters of the way.
  const at::Tensor x = at::tensor({2.0f, 0.0f, 0.0f, 4.0f}).reshape({1, 2, 1, 2});
  const at::Tensor wide = Resize(x, 1, 4, Method::kBislerp);
  const auto at = [&](int64_t channel, int64_t column) {
    return wide[0][channel][0][column].item<double>();
  };
  constexpr double kQuarterTurn = 1.5707963267948966;
  for (const auto& [column, share] : {std::pair(1, 0.25), std::pair(2, 0.75)}) {
    const double length = 2.0 + 2.0 * share;
    EXPECT_NEAR(at(0, column), length * std::cos(kQuarterTurn * share), 1e-5);
    EXPECT_NEAR(at(1, column), length * std::sin(kQuarterTurn * share), 1e-5);
  }
}

TEST(DeepShrinkResizeTest, KeepsTheElementType) {
  for (const Method method : kAll) {
    EXPECT_EQ(Resize(at::randn({1, 4, 6, 6}).to(at::kBFloat16), 3, 3, method).scalar_type(),
              at::kBFloat16);
  }
}

}  // namespace
}  // namespace deep_shrink
