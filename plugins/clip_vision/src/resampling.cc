#include "plugins/clip_vision/src/resampling.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace clip_vision {
namespace {

constexpr int kCoefficientBits = 32 - 8 - 2;

double Bicubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * kA;
  return 0.0;
}

double Sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double Lanczos(double x) { return -3.0 <= x && x < 3.0 ? Sinc(x) * Sinc(x / 3) : 0.0; }

// The input pixels that one output pixel is made of, and their shares.
struct Taps {
  int64_t first = 0;
  std::vector<int32_t> shares;
};

// Those of output pixels begin..begin+count of `output` made from `input` pixels.
std::vector<Taps> MakeTaps(int64_t input, int64_t output, int64_t begin, int64_t count,
                           Filter filter) {
  const double scale = static_cast<double>(input) / static_cast<double>(output);
  const double width = std::max(scale, 1.0);
  const double support = (filter == Filter::kBicubic ? 2.0 : 3.0) * width;
  std::vector<Taps> list;
  std::vector<double> shares;
  for (int64_t i = begin; i < begin + count; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const int64_t first = std::max<int64_t>(0, static_cast<int64_t>(centre - support + 0.5));
    const int64_t end = std::min(input, static_cast<int64_t>(centre + support + 0.5));
    shares.clear();
    double sum = 0;
    for (int64_t x = first; x < end; ++x) {
      const double at = (static_cast<double>(x) - centre + 0.5) * (1.0 / width);
      shares.push_back(filter == Filter::kBicubic ? Bicubic(at) : Lanczos(at));
      sum += shares.back();
    }
    Taps& taps = list.emplace_back();
    taps.first = first;
    for (const double share : shares) {
      const double scaled = (sum != 0 ? share / sum : share) * (1 << kCoefficientBits);
      taps.shares.push_back(static_cast<int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5));
    }
  }
  return list;
}

uint8_t Rounded(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kCoefficientBits, 0, 255));
}

// One output pixel's channels: `from` is the first input pixel, `step` bytes lie between two.
void Mix(const uint8_t* from, int64_t step, int64_t channels, const Taps& taps, uint8_t* to) {
  for (int64_t channel = 0; channel < channels; ++channel) {
    int32_t sum = 1 << (kCoefficientBits - 1);
    const uint8_t* pixel = from + channel;
    for (const int32_t share : taps.shares) {
      sum += *pixel * share;
      pixel += step;
    }
    to[channel] = Rounded(sum);
  }
}

// Along the rows of [H, W, C].
at::Tensor ResizeRows(const at::Tensor& pixels, const std::vector<Taps>& columns) {
  const int64_t height = pixels.size(0);
  const int64_t channels = pixels.size(2);
  const auto width = static_cast<int64_t>(columns.size());
  at::Tensor result = at::empty({height, width, channels}, at::kByte);
  const uint8_t* const from = pixels.const_data_ptr<uint8_t>();
  uint8_t* to = result.mutable_data_ptr<uint8_t>();
  for (int64_t y = 0; y < height; ++y) {
    const uint8_t* const row = from + y * pixels.size(1) * channels;
    for (const Taps& taps : columns) {
      Mix(row + taps.first * channels, channels, channels, taps, to);
      to += channels;
    }
  }
  return result;
}

// Along the columns; the first row of `pixels` is the picture's row `top`.
at::Tensor ResizeColumns(const at::Tensor& pixels, int64_t top, const std::vector<Taps>& rows) {
  const int64_t stride = pixels.size(1) * pixels.size(2);
  at::Tensor result =
      at::empty({static_cast<int64_t>(rows.size()), pixels.size(1), pixels.size(2)}, at::kByte);
  const uint8_t* const from = pixels.const_data_ptr<uint8_t>();
  uint8_t* to = result.mutable_data_ptr<uint8_t>();
  for (const Taps& taps : rows) {
    Mix(from + (taps.first - top) * stride, stride, stride, taps, to);
    to += stride;
  }
  return result;
}

}  // namespace

at::Tensor Resize(const at::Tensor& pixels, PictureSize size, const Window& window, Filter filter) {
  at::Tensor result = pixels.contiguous();
  int64_t top = 0;
  std::vector<Taps> rows;
  if (size.height == pixels.size(0)) {
    result = result.narrow(0, window.top, window.size.height);
  } else {
    rows = MakeTaps(pixels.size(0), size.height, window.top, window.size.height, filter);
    // Taps move downwards with the row that they make.
    top = rows.front().first;
    const int64_t end = rows.back().first + static_cast<int64_t>(rows.back().shares.size());
    result = result.narrow(0, top, end - top);
  }
  if (size.width == pixels.size(1)) {
    result = result.narrow(1, window.left, window.size.width).contiguous();
  } else {
    result = ResizeRows(
        result, MakeTaps(pixels.size(1), size.width, window.left, window.size.width, filter));
  }
  return rows.empty() ? result : ResizeColumns(result, top, rows);
}

at::Tensor Resize(const at::Tensor& pixels, PictureSize size, Filter filter) {
  return Resize(pixels, size, {0, 0, size}, filter);
}

}  // namespace clip_vision
