#include "plugins/moma/src/segmentation.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>

namespace moma {
namespace {

using Pixel = std::array<double, 3>;
using Painter = std::function<Pixel(double, double)>;

// [height, width, 3]: `painter` of x and y in 0..1, with a little noise.
at::Tensor Painted(int64_t height, int64_t width, const Painter& painter) {
  const at::Tensor noise =
      at::randn({height, width, 3}, at::make_generator<at::CPUGeneratorImpl>(3)) * 3;
  at::Tensor pixels = at::empty({height, width, 3});
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      const Pixel pixel = painter((x + 0.5) / width, (y + 0.5) / height);
      for (int64_t c = 0; c < 3; ++c) pixels[y][x][c] = pixel[static_cast<size_t>(c)];
    }
  }
  return (pixels + noise).clamp(0, 255).to(at::kByte);
}

bool IsInside(double x, double y) { return std::hypot((x - 0.45) / 0.3, (y - 0.55) / 0.25) < 1; }

// A disc of two colours.
Pixel Disc(double x, double) { return x < 0.45 ? Pixel{200, 60, 40} : Pixel{90, 30, 110}; }

// Intersection over union of what was found and where the disc is.
double Agreement(int64_t height, int64_t width, const Painter& background) {
  const at::Tensor picture = Painted(height, width, [&](double x, double y) {
    return IsInside(x, y) ? Disc(x, y) : background(x, y);
  });
  const at::Tensor found = FindSubject(picture);
  if (!found.defined()) return 0;
  const at::Tensor truth = Painted(height, width, [](double x, double y) {
                             return IsInside(x, y) ? Pixel{255, 255, 255} : Pixel{0, 0, 0};
                           }).select(2, 0) > 128;
  return (found & truth).sum().item<double>() / (found | truth).sum().item<double>();
}

Pixel Plain(double, double) { return {240, 240, 235}; }
Pixel Gradient(double, double y) { return {40 + 180 * y, 120, 200 - 120 * y}; }
Pixel Striped(double x, double) {
  return std::sin(40 * x) > 0 ? Pixel{30, 120, 60} : Pixel{220, 220, 90};
}

TEST(SegmentationTest, FindsADiscOnAPlainBackground) {
  EXPECT_GT(Agreement(150, 150, Plain), 0.95);
}

TEST(SegmentationTest, FindsADiscOnAGradient) { EXPECT_GT(Agreement(150, 150, Gradient), 0.95); }

TEST(SegmentationTest, FindsADiscOnStripes) { EXPECT_GT(Agreement(150, 150, Striped), 0.9); }

TEST(SegmentationTest, DecidesInSmallAboutLargePictures) {
  EXPECT_GT(Agreement(200, 500, Gradient), 0.9);
}

TEST(SegmentationTest, KeepsAHoleInTheSubject) {
  const at::Tensor ring = Painted(120, 120, [](double x, double y) {
    const double distance = std::hypot(x - 0.5, y - 0.5);
    return distance < 0.35 && distance > 0.15 ? Pixel{20, 20, 160} : Plain(x, y);
  });
  const at::Tensor found = FindSubject(ring);
  ASSERT_TRUE(found.defined());
  EXPECT_FALSE(found[60][60].item<bool>());
  EXPECT_TRUE(found[60][30].item<bool>());
}

TEST(SegmentationTest, DropsSpecks) {
  const at::Tensor picture = Painted(120, 120, [](double x, double y) {
    return IsInside(x, y) || std::hypot(x - 0.9, y - 0.1) < 0.03 ? Disc(x, y) : Plain(x, y);
  });
  const at::Tensor found = FindSubject(picture);
  ASSERT_TRUE(found.defined());
  EXPECT_TRUE(found[66][54].item<bool>());
  EXPECT_FALSE(found[12][108].item<bool>());
}

TEST(SegmentationTest, SaysWhenNothingStandsOut) {
  EXPECT_FALSE(FindSubject(Painted(100, 100, Plain)).defined());
  EXPECT_FALSE(FindSubject(Painted(100, 100, Gradient)).defined());
  EXPECT_FALSE(FindSubject(Painted(7, 100, Plain)).defined());
  EXPECT_FALSE(FindSubject(at::zeros({1, 1, 3}, at::kByte)).defined());
}

TEST(SegmentationTest, IsDeterministic) {
  const at::Tensor picture = Painted(
      80, 120, [](double x, double y) { return IsInside(x, y) ? Disc(x, y) : Striped(x, y); });
  EXPECT_TRUE(at::equal(FindSubject(picture), FindSubject(picture)));
}

}  // namespace
}  // namespace moma
