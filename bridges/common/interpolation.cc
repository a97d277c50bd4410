#include "bridges/common/interpolation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/common/spherical_interpolation.h"
#include "bridges/common/status_macros.h"

namespace patchbay {
namespace {

// The places of the old line that a place of the new one is a sum of.
struct Taps {
  std::vector<int> places;
  std::vector<float> weights;
};

// Where the middle of a new place lies on the old line. PyTorch's kernels round once here.
float SourceOf(int place, float scale) {
  return std::fma(scale, static_cast<float>(place) + 0.5f, -0.5f);
}

Taps NearestTaps(int place, int from, int to) {
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  const auto source = static_cast<int>(std::floor((static_cast<float>(place) + 0.5f) * scale));
  return {{std::min(source, from - 1)}, {1}};
}

Taps BilinearTaps(int place, int from, int to) {
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  const float source = std::max(SourceOf(place, scale), 0.f);
  const int first = std::min(static_cast<int>(source), from - 1);
  const float share = std::clamp(source - static_cast<float>(first), 0.f, 1.f);
  return {{first, std::min(first + 1, from - 1)}, {1 - share, share}};
}

// Keys' cubic convolution with PyTorch's coefficient; beyond the ends the last value counts.
Taps BicubicTaps(int place, int from, int to) {
  constexpr float kA = -0.75f;
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  const float source = SourceOf(place, scale);
  const auto first = static_cast<int>(std::floor(source));
  const float t = std::clamp(source - static_cast<float>(first), 0.f, 1.f);
  const auto near = [](float x) { return ((kA + 2) * x - (kA + 3)) * x * x + 1; };
  const auto far = [](float x) { return ((kA * x - 5 * kA) * x + 8 * kA) * x - 4 * kA; };
  Taps taps{{}, {far(t + 1), near(t), near(1 - t), far(2 - t)}};
  for (int i = -1; i <= 2; ++i) taps.places.push_back(std::clamp(first + i, 0, from - 1));
  return taps;
}

Taps AreaTaps(int place, int from, int to) {
  const auto first = static_cast<int>(int64_t{place} * from / to);
  const auto end = static_cast<int>((int64_t{place + 1} * from + to - 1) / to);
  Taps taps;
  for (int i = first; i < end; ++i) {
    taps.places.push_back(i);
    taps.weights.push_back(1.f / static_cast<float>(end - first));
  }
  return taps;
}

std::vector<Taps> AllTaps(int from, int to, Interpolation method) {
  std::vector<Taps> all;
  for (int place = 0; place < to; ++place) {
    switch (method) {
      case Interpolation::kNearestExact:
        all.push_back(NearestTaps(place, from, to));
        break;
      case Interpolation::kArea:
        all.push_back(AreaTaps(place, from, to));
        break;
      case Interpolation::kBicubic:
        all.push_back(BicubicTaps(place, from, to));
        break;
      default:
        all.push_back(BilinearTaps(place, from, to));
        break;
    }
  }
  return all;
}

// One new line: each place the sum of the line's places.
float SumOf(const float* line, const Taps& taps) {
  float sum = 0;
  for (size_t i = 0; i < taps.places.size(); ++i) {
    sum += taps.weights[i] * line[taps.places[i]];
  }
  return sum;
}

void InterpolatePlane(const float* from, int old_width, const std::vector<Taps>& columns,
                      const std::vector<Taps>& lines, float* to) {
  for (const Taps& line : lines) {
    for (const Taps& column : columns) {
      float sum = 0;
      for (size_t i = 0; i < line.places.size(); ++i) {
        sum += line.weights[i] * SumOf(from + size_t(line.places[i]) * size_t(old_width), column);
      }
      *to++ = sum;
    }
  }
}

}  // namespace

std::optional<Interpolation> InterpolationNamed(const std::string& name) {
  const std::vector<std::string>& names = InterpolationNames();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Interpolation>(found - names.begin());
}

const std::vector<std::string>& InterpolationNames() {
  static const auto& names =
      *new std::vector<std::string>{"nearest-exact", "bilinear", "area", "bicubic", "bislerp"};
  return names;
}

absl::StatusOr<FloatPlanes> Interpolate(const FloatPlanes& planes, int width, int height,
                                        Interpolation method) {
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes result,
                          ZeroPlanes(planes.batch, planes.channels, height, width));
  if (method == Interpolation::kBislerp) return InterpolateSpherically(planes, width, height);
  if (width == planes.width && height == planes.height) return planes;
  const std::vector<Taps> columns = AllTaps(planes.width, width, method);
  const std::vector<Taps> lines = AllTaps(planes.height, height, method);
  for (int i = 0; i < planes.batch; ++i) {
    for (int c = 0; c < planes.channels; ++c) {
      InterpolatePlane(planes.Plane(i, c), planes.width, columns, lines, result.Plane(i, c));
    }
  }
  return result;
}

absl::StatusOr<PictureArea> CenteredArea(int width, int height, int new_width, int new_height) {
  const double old_aspect = double(width) / height;
  const double new_aspect = double(new_width) / new_height;
  // Python's round(): halves go to the even neighbour.
  const auto margin = [](int side, double share) {
    return static_cast<int>(std::nearbyint((side - side * share) / 2));
  };
  const int x = old_aspect > new_aspect ? margin(width, new_aspect / old_aspect) : 0;
  const int y = old_aspect < new_aspect ? margin(height, old_aspect / new_aspect) : 0;
  if (width <= 2 * x || height <= 2 * y) {
    return absl::InvalidArgumentError(absl::StrCat("nothing of ", width, "x", height,
                                                   " is left when it is cut to the shape of ",
                                                   new_width, "x", new_height));
  }
  return PictureArea{x, y, width - 2 * x, height - 2 * y};
}

absl::StatusOr<FloatPlanes> Upscaled(const FloatPlanes& planes, int width, int height,
                                     Interpolation method, bool crop_center) {
  if (width < 1 || height < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("nothing is left at ", width, "x", height, "; ask for a larger size"));
  }
  if (!crop_center) return Interpolate(planes, width, height, method);
  BRIDGE_ASSIGN_OR_RETURN(const PictureArea area,
                          CenteredArea(planes.width, planes.height, width, height));
  return Interpolate(CroppedPlanes(planes, area.x, area.y, area.width, area.height), width, height,
                     method);
}

}  // namespace patchbay
