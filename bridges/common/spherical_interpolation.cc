#include "bridges/common/spherical_interpolation.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace patchbay {
namespace {

constexpr float kNearlyParallel = 1e-5f;

// Between which two places of the old line a new one lies, and how far along.
struct Neighbours {
  int first = 0, second = 0;
  float share = 0;
};

// ComfyUI interpolates the places' numbers themselves, linearly, and cuts off the fractions; the
// second neighbour comes of numbers that are one higher but for the last. The roundings are those
// of PyTorch's kernel: an ulp decides about a neighbour.
std::vector<Neighbours> NeighboursOf(int from, int to) {
  std::vector<Neighbours> all;
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  for (int place = 0; place < to; ++place) {
    if (from == to) {
      all.push_back({place, std::min(place + 1, from - 1), 0});
      continue;
    }
    const float source = std::max(std::fma(scale, static_cast<float>(place) + 0.5f, -0.5f), 0.f);
    const int left = std::min(static_cast<int>(source), from - 1);
    const int right = std::min(left + 1, from - 1);
    const float weight = std::clamp(source - static_cast<float>(left), 0.f, 1.f);
    const auto mean = [&](int a, int b) {
      return std::fma(1 - weight, static_cast<float>(a), weight * static_cast<float>(b));
    };
    const auto next = [&](int i) { return i + 1 < from ? i + 1 : from - 1; };
    const float first = mean(left, right);
    all.push_back({static_cast<int>(first), static_cast<int>(mean(next(left), next(right))),
                   first - std::floor(first)});
  }
  return all;
}

// Vectors lie with `stride` between their numbers.
void Between(const float* a, const float* b, float share, int channels, size_t stride, float* to,
             size_t to_stride) {
  float a_square = 0, b_square = 0;
  for (size_t c = 0; c < size_t(channels); ++c) {
    a_square += a[c * stride] * a[c * stride];
    b_square += b[c * stride] * b[c * stride];
  }
  const float a_length = std::sqrt(a_square), b_length = std::sqrt(b_square);
  const auto unit = [](float value, float length) { return length == 0 ? 0 : value / length; };
  float dot = 0;
  for (size_t c = 0; c < size_t(channels); ++c) {
    dot += unit(a[c * stride], a_length) * unit(b[c * stride], b_length);
  }
  const float angle = std::acos(dot);
  const float a_share = std::sin((1 - share) * angle) / std::sin(angle);
  const float b_share = std::sin(share * angle) / std::sin(angle);
  const float length = a_length * (1 - share) + b_length * share;
  for (size_t c = 0; c < size_t(channels); ++c) {
    const float x = a[c * stride], y = b[c * stride];
    float& value = to[c * to_stride];
    if (dot > 1 - kNearlyParallel) {
      value = x;
    } else if (dot < kNearlyParallel - 1) {
      value = x * (1 - share) + y * share;
    } else {
      value = (a_share * unit(x, a_length) + b_share * unit(y, b_length)) * length;
    }
  }
}

FloatPlanes Sized(const FloatPlanes& like, int width, int height) {
  FloatPlanes planes{like.batch, like.channels, height, width, {}};
  planes.values.resize(size_t(like.batch) * planes.ItemSize());
  return planes;
}

}  // namespace

FloatPlanes InterpolateSpherically(const FloatPlanes& planes, int width, int height) {
  FloatPlanes lines = Sized(planes, width, planes.height);
  const std::vector<Neighbours> columns = NeighboursOf(planes.width, width);
  for (int i = 0; i < planes.batch; ++i) {
    for (int y = 0; y < planes.height; ++y) {
      const float* line = planes.Plane(i, 0) + size_t(y) * size_t(planes.width);
      for (int x = 0; x < width; ++x) {
        const Neighbours& between = columns[size_t(x)];
        Between(line + between.first, line + between.second, between.share, planes.channels,
                planes.PlaneSize(), &lines.At(i, 0, y, x), lines.PlaneSize());
      }
    }
  }
  FloatPlanes result = Sized(planes, width, height);
  const std::vector<Neighbours> rows = NeighboursOf(planes.height, height);
  for (int i = 0; i < planes.batch; ++i) {
    for (int y = 0; y < height; ++y) {
      const Neighbours& between = rows[size_t(y)];
      for (int x = 0; x < width; ++x) {
        Between(&lines.At(i, 0, between.first, x), &lines.At(i, 0, between.second, x),
                between.share, planes.channels, lines.PlaneSize(), &result.At(i, 0, y, x),
                result.PlaneSize());
      }
    }
  }
  return result;
}

}  // namespace patchbay
