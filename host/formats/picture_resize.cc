#include "host/formats/picture_resize.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "host/base/status_macros.h"
#include "host/formats/picture_codecs.h"

namespace patchbay {
namespace {

// Half the width of a filter at the original size.
double Support(ResizeFilter filter) {
  switch (filter) {
    case ResizeFilter::kBilinear:
      return 1;
    case ResizeFilter::kBicubic:
      return 2;
    case ResizeFilter::kLanczos:
      return 3;
  }
  return 1;
}

double Sinc(double x) {
  if (x == 0) return 1;
  return std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
}

double Weight(ResizeFilter filter, double x) {
  x = std::abs(x);
  if (x >= Support(filter)) return 0;
  switch (filter) {
    case ResizeFilter::kBilinear:
      return 1 - x;
    case ResizeFilter::kBicubic: {
      constexpr double kA = -0.5;
      if (x < 1) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
      return (((x - 5) * x + 8) * x - 4) * kA;
    }
    case ResizeFilter::kLanczos:
      return Sinc(x) * Sinc(x / 3);
  }
  return 0;
}

// What one result along a line is made of: weights of the elements from `first` on, whose sum is 1.
struct Share {
  int first = 0;
  std::vector<float> weights;
};

std::vector<Share> MakeShares(int from, int to, ResizeFilter filter) {
  const double scale = static_cast<double>(from) / to;
  const double stretch = std::max(scale, 1.0);
  const double reach = Support(filter) * stretch;
  std::vector<Share> shares(static_cast<size_t>(to));
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    Share& share = shares[static_cast<size_t>(i)];
    share.first = std::max(0, static_cast<int>(center - reach + 0.5));
    const int end = std::min(from, static_cast<int>(center + reach + 0.5));
    double sum = 0;
    for (int k = share.first; k < end; ++k) {
      const double weight = Weight(filter, (k - center + 0.5) / stretch);
      share.weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float& weight : share.weights) weight = static_cast<float>(weight / sum);
  }
  return shares;
}

uint8_t Rounded(float value) {
  return static_cast<uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f));
}

// `steps` is how far apart in memory the elements of a line are.
template <int kChannels>
void MixLine(const uint8_t* line, size_t step, const std::vector<Share>& shares, uint8_t* out,
             size_t out_step) {
  for (const Share& share : shares) {
    float sums[kChannels] = {};
    const uint8_t* element = line + static_cast<size_t>(share.first) * step;
    for (const float weight : share.weights) {
      for (int c = 0; c < kChannels; ++c) sums[c] += weight * element[c];
      element += step;
    }
    for (int c = 0; c < kChannels; ++c) out[c] = Rounded(sums[c]);
    out += out_step;
  }
}

void MixLine(int channels, const uint8_t* line, size_t step, const std::vector<Share>& shares,
             uint8_t* out, size_t out_step) {
  if (channels == 1) return MixLine<1>(line, step, shares, out, out_step);
  if (channels == 3) return MixLine<3>(line, step, shares, out, out_step);
  MixLine<4>(line, step, shares, out, out_step);
}

Picture ResizeRows(const Picture& picture, int width, ResizeFilter filter) {
  const auto shares = MakeShares(picture.width, width, filter);
  Picture result{width, picture.height, picture.channels, {}};
  const auto channels = static_cast<size_t>(picture.channels);
  const size_t stride = static_cast<size_t>(picture.width) * channels;
  const size_t out_stride = static_cast<size_t>(width) * channels;
  result.pixels.resize(out_stride * static_cast<size_t>(picture.height));
  for (size_t y = 0; y < static_cast<size_t>(picture.height); ++y) {
    MixLine(picture.channels, &picture.pixels[y * stride], channels, shares,
            &result.pixels[y * out_stride], channels);
  }
  return result;
}

Picture ResizeColumns(const Picture& picture, int height, ResizeFilter filter) {
  const auto shares = MakeShares(picture.height, height, filter);
  Picture result{picture.width, height, picture.channels, {}};
  const auto channels = static_cast<size_t>(picture.channels);
  const size_t stride = static_cast<size_t>(picture.width) * channels;
  result.pixels.resize(stride * static_cast<size_t>(height));
  for (size_t x = 0; x < stride; x += channels) {
    MixLine(picture.channels, &picture.pixels[x], stride, shares, &result.pixels[x], stride);
  }
  return result;
}

// Colours times opacity, and back.
void Premultiply(Picture& picture) {
  for (size_t i = 0; i < picture.pixels.size(); i += 4) {
    const int opacity = picture.pixels[i + 3];
    for (size_t c = 0; c < 3; ++c) {
      picture.pixels[i + c] = static_cast<uint8_t>((picture.pixels[i + c] * opacity + 127) / 255);
    }
  }
}

void Unpremultiply(Picture& picture) {
  for (size_t i = 0; i < picture.pixels.size(); i += 4) {
    const int opacity = picture.pixels[i + 3];
    if (opacity == 0) continue;
    for (size_t c = 0; c < 3; ++c) {
      picture.pixels[i + c] =
          static_cast<uint8_t>(std::min(255, picture.pixels[i + c] * 255 / opacity));
    }
  }
}

}  // namespace

absl::StatusOr<Picture> ResizePicture(const Picture& picture, int width, int height,
                                      ResizeFilter filter, const PictureLimits& limits) {
  PATCHBAY_RETURN_IF_ERROR(CheckPicture(picture));
  const auto positive = [](int size) { return static_cast<uint64_t>(std::max(size, 0)); };
  PATCHBAY_RETURN_IF_ERROR(CheckPictureSize(positive(width), positive(height), limits));
  Picture result = picture;
  if (width == picture.width && height == picture.height) return result;
  if (picture.channels == 4) Premultiply(result);
  if (width != result.width) result = ResizeRows(result, width, filter);
  if (height != result.height) result = ResizeColumns(result, height, filter);
  if (picture.channels == 4) Unpremultiply(result);
  return result;
}

}  // namespace patchbay
