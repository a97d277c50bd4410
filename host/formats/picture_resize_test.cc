#include "host/formats/picture_resize.h"

#include <cmath>
#include <numbers>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/formats/picture_test_data.h"

namespace patchbay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr ResizeFilter kFilters[] = {ResizeFilter::kBilinear, ResizeFilter::kBicubic,
                                     ResizeFilter::kLanczos};

Picture Resized(const Picture& picture, int width, int height, ResizeFilter filter) {
  const auto result = ResizePicture(picture, width, height, filter);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.value_or(Picture{});
}

// The kernels as their papers and Pillow's documentation define them.
double Kernel(ResizeFilter filter, double x) {
  x = std::abs(x);
  switch (filter) {
    case ResizeFilter::kBilinear:
      return std::max(0.0, 1 - x);
    case ResizeFilter::kBicubic:
      if (x < 1) return 1.5 * x * x * x - 2.5 * x * x + 1;
      return x < 2 ? -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2 : 0;
    case ResizeFilter::kLanczos:
      if (x < 1e-9) return 1;
      if (x >= 3) return 0;
      return 3 * std::sin(std::numbers::pi * x) * std::sin(std::numbers::pi * x / 3) /
             (std::numbers::pi * std::numbers::pi * x * x);
  }
  return 0;
}

// By definition, over every source pixel and in both directions at once.
double Expected(const Picture& picture, int width, int height, ResizeFilter filter, int x, int y,
                int channel) {
  const double scale_x = static_cast<double>(picture.width) / width;
  const double scale_y = static_cast<double>(picture.height) / height;
  double sum = 0;
  double weights = 0;
  for (int v = 0; v < picture.height; ++v) {
    const double weight_y =
        Kernel(filter, (v + 0.5 - (y + 0.5) * scale_y) / std::max(scale_y, 1.0));
    for (int u = 0; u < picture.width; ++u) {
      const double weight =
          weight_y * Kernel(filter, (u + 0.5 - (x + 0.5) * scale_x) / std::max(scale_x, 1.0));
      const size_t at = static_cast<size_t>((v * picture.width + u) * picture.channels + channel);
      sum += weight * picture.pixels[at];
      weights += weight;
    }
  }
  return std::min(255.0, std::max(0.0, sum / weights));
}

Picture Textured(int width, int height, int channels) {
  Picture picture = GradientPicture(width, height, channels);
  for (size_t i = 0; i < picture.pixels.size(); ++i) {
    picture.pixels[i] = static_cast<uint8_t>(picture.pixels[i] / 2 + (i * i * 7 + i / 5 * 13) % 64);
  }
  return picture;
}

TEST(ResizePictureTest, FollowsTheDefinition) {
  for (const ResizeFilter filter : kFilters) {
    for (const int channels : {1, 3}) {
      const Picture picture = Textured(23, 17, channels);
      for (const auto& [width, height] : {std::pair{7, 5}, {40, 31}, {11, 40}, {23, 9}, {1, 1}}) {
        SCOPED_TRACE(testing::Message() << width << "x" << height);
        const Picture result = Resized(picture, width, height, filter);
        ASSERT_EQ(result.pixels.size(), static_cast<size_t>(width * height * channels));
        for (int y = 0; y < height; ++y) {
          for (int x = 0; x < width; ++x) {
            const int channel = (x + y) % channels;
            const auto at = static_cast<size_t>((y * width + x) * channels + channel);
            // Half a level for each of the two roundings.
            EXPECT_NEAR(result.pixels[at], Expected(picture, width, height, filter, x, y, channel),
                        1.2);
          }
        }
      }
    }
  }
}

TEST(ResizePictureTest, LeavesTheSameSizeAlone) {
  const Picture picture = Textured(9, 8, 4);
  for (const ResizeFilter filter : kFilters) {
    EXPECT_EQ(LargestDifference(Resized(picture, 9, 8, filter), picture), 0);
  }
}

TEST(ResizePictureTest, KeepsAPlainColour) {
  Picture plain{31, 7, 3, {}};
  for (int i = 0; i < 31 * 7; ++i) plain.pixels.insert(plain.pixels.end(), {3, 200, 255});
  for (const ResizeFilter filter : kFilters) {
    const Picture result = Resized(plain, 64, 3, filter);
    for (size_t i = 0; i < result.pixels.size(); i += 3) {
      EXPECT_THAT(absl::MakeConstSpan(&result.pixels[i], 3), ElementsAre(3, 200, 255));
    }
  }
}

// Fine stripes become grey, not coarse stripes.
TEST(ResizePictureTest, DoesNotAlias) {
  Picture stripes{300, 4, 1, {}};
  for (int i = 0; i < 1200; ++i) stripes.pixels.push_back(i % 2 == 0 ? 255 : 0);
  for (const ResizeFilter filter : kFilters) {
    const Picture result = Resized(stripes, 43, 4, filter);
    for (size_t x = 2; x < 41; ++x) EXPECT_NEAR(result.pixels[x], 127.5, 20);
  }
}

// Two red pixels beside two invisible green ones: what is in between is half-transparent red.
TEST(ResizePictureTest, DoesNotShowInvisibleColours) {
  const Picture picture{4, 1, 4, {255, 0, 0, 255, 255, 0, 0, 255, 0, 255, 0, 0, 0, 255, 0, 0}};
  const Picture result = Resized(picture, 1, 1, ResizeFilter::kBilinear);
  EXPECT_THAT(result.pixels, ElementsAre(255, 0, 0, 128));
}

TEST(ResizePictureTest, RefusesImpossibleSizes) {
  const Picture picture = Textured(4, 4, 3);
  const auto complaint = [&](int width, int height) {
    const auto status = ResizePicture(picture, width, height, ResizeFilter::kBicubic).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(complaint(0, 4), HasSubstr("0x4"));
  EXPECT_THAT(complaint(4, -1), HasSubstr("4x0"));
  EXPECT_THAT(complaint(30000, 30000), HasSubstr("30000x30000"));
  EXPECT_EQ(ResizePicture({4, 4, 3, {}}, 2, 2, ResizeFilter::kBicubic).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace patchbay
