#include "bridges/common/picture.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <utility>

namespace patchbay {
namespace {

constexpr double kPi = 3.14159265358979323846;

double Sinc(double x) { return x == 0 ? 1 : std::sin(kPi * x) / (kPi * x); }

double Weight(ResizeFilter filter, double x) {
  x = std::abs(x);
  if (filter == ResizeFilter::kBilinear) return x < 1 ? 1 - x : 0;
  return x < 3 ? Sinc(x) * Sinc(x / 3) : 0;
}

// Which pixels of a line make a pixel of the new line, and with what weights.
struct Taps {
  int first = 0;
  std::vector<double> weights;
};

Taps TapsAround(double center, double radius, double scale, int size,
                const std::function<double(double)>& weight) {
  Taps taps;
  taps.first = std::max(0, static_cast<int>(center - radius + 0.5));
  const int end = std::min(size, static_cast<int>(center + radius + 0.5));
  double sum = 0;
  for (int i = taps.first; i < end; ++i) {
    taps.weights.push_back(weight((i + 0.5 - center) / scale));
    sum += taps.weights.back();
  }
  for (double& value : taps.weights) value /= sum;
  return taps;
}

std::vector<Taps> ResizeTaps(int from, int to, ResizeFilter filter) {
  const double ratio = static_cast<double>(from) / to;
  const double scale = std::max(ratio, 1.0);
  const double radius = (filter == ResizeFilter::kBilinear ? 1 : 3) * scale;
  std::vector<Taps> all;
  for (int i = 0; i < to; ++i) {
    all.push_back(TapsAround((i + 0.5) * ratio, radius, scale, from,
                             [filter](double x) { return Weight(filter, x); }));
  }
  return all;
}

uint8_t Rounded(double value) {
  return static_cast<uint8_t>(std::clamp(std::lround(value), 0l, 255l));
}

Picture AlongX(const Picture& from, const std::vector<Taps>& taps) {
  const int channels = from.channels;
  Picture to = BlankPicture(static_cast<int>(taps.size()), from.height, channels, 0);
  for (int y = 0; y < to.height; ++y) {
    for (int x = 0; x < to.width; ++x) {
      for (int c = 0; c < channels; ++c) {
        double sum = 0;
        const uint8_t* pixel = from.At(taps[x].first, y) + c;
        for (const double weight : taps[x].weights) {
          sum += weight * *pixel;
          pixel += channels;
        }
        to.At(x, y)[c] = Rounded(sum);
      }
    }
  }
  return to;
}

Picture AlongY(const Picture& from, const std::vector<Taps>& taps) {
  Picture to = BlankPicture(from.width, static_cast<int>(taps.size()), from.channels, 0);
  const size_t line = size_t(from.width) * from.channels;
  std::vector<double> sums(line);
  for (int y = 0; y < to.height; ++y) {
    std::fill(sums.begin(), sums.end(), 0);
    for (size_t i = 0; i < taps[y].weights.size(); ++i) {
      const uint8_t* row = from.At(0, taps[y].first + static_cast<int>(i));
      for (size_t x = 0; x < line; ++x) sums[x] += taps[y].weights[i] * row[x];
    }
    uint8_t* row = to.At(0, y);
    for (size_t x = 0; x < line; ++x) row[x] = Rounded(sums[x]);
  }
  return to;
}

Picture ResizeNearest(const Picture& from, int width, int height) {
  Picture to = BlankPicture(width, height, from.channels, 0);
  for (int y = 0; y < height; ++y) {
    const int source_y = static_cast<int>((y + 0.5) * from.height / height);
    for (int x = 0; x < width; ++x) {
      const int source_x = static_cast<int>((x + 0.5) * from.width / width);
      std::memcpy(to.At(x, y), from.At(source_x, source_y), from.channels);
    }
  }
  return to;
}

std::vector<Taps> BlurTaps(int size, double sigma) {
  std::vector<Taps> all;
  for (int i = 0; i < size; ++i) {
    all.push_back(TapsAround(i + 0.5, std::ceil(sigma * 3), sigma, size,
                             [](double x) { return std::exp(-x * x / 2); }));
  }
  return all;
}

}  // namespace

Picture BlankPicture(int width, int height, int channels, uint8_t value) {
  return {width, height, channels, std::vector<uint8_t>(size_t(width) * height * channels, value)};
}

Picture WithChannels(const Picture& picture, int channels) {
  if (picture.channels == channels) return picture;
  Picture result = BlankPicture(picture.width, picture.height, channels, 255);
  const size_t count = size_t(picture.width) * picture.height;
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* from = &picture.pixels[i * picture.channels];
    uint8_t* to = &result.pixels[i * channels];
    if (channels == 1) {
      to[0] =
          static_cast<uint8_t>((from[0] * 19595 + from[1] * 38470 + from[2] * 7471 + 0x8000) >> 16);
    } else if (picture.channels == 1) {
      to[0] = to[1] = to[2] = from[0];
    } else {
      std::memcpy(to, from, 3);
    }
  }
  return result;
}

Picture Resize(const Picture& picture, int width, int height, ResizeFilter filter) {
  if (picture.width == width && picture.height == height) return picture;
  if (filter == ResizeFilter::kNearest) return ResizeNearest(picture, width, height);
  return AlongY(AlongX(picture, ResizeTaps(picture.width, width, filter)),
                ResizeTaps(picture.height, height, filter));
}

Picture Crop(const Picture& picture, int x, int y, int width, int height) {
  Picture result = BlankPicture(width, height, picture.channels, 0);
  Paste(picture, -x, -y, result);
  return result;
}

void Paste(const Picture& top, int x, int y, Picture& bottom) {
  const int left = std::max(0, x), right = std::min(bottom.width, x + top.width);
  if (left >= right) return;
  for (int row = std::max(0, y); row < std::min(bottom.height, y + top.height); ++row) {
    std::memcpy(bottom.At(left, row), top.At(left - x, row - y),
                size_t(right - left) * top.channels);
  }
}

Picture GaussianBlur(const Picture& picture, double sigma_x, double sigma_y) {
  Picture result = picture;
  if (sigma_x > 0) result = AlongX(result, BlurTaps(result.width, sigma_x));
  if (sigma_y > 0) result = AlongY(result, BlurTaps(result.height, sigma_y));
  return result;
}

}  // namespace patchbay
