#include "bridges/common/float_planes.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "bridges/common/status_macros.h"

namespace patchbay {
namespace {

constexpr double kMaxNumbers = 1 << 27;
constexpr float kFull = 255;

}  // namespace

absl::StatusOr<FloatPlanes> ZeroPlanes(int batch, int channels, int height, int width) {
  const double count = double(batch) * channels * height * width;
  if (std::min({batch, channels, height, width}) < 1 || count > kMaxNumbers) {
    return absl::InvalidArgumentError(absl::StrCat(batch, "x", channels, "x", height, "x", width,
                                                   " numbers are none or too many; at most ",
                                                   static_cast<int64_t>(kMaxNumbers)));
  }
  FloatPlanes planes{batch, channels, height, width, {}};
  planes.values.resize(static_cast<size_t>(count));
  return planes;
}

absl::StatusOr<FloatPlanes> RepeatedTo(const FloatPlanes& planes, int batch) {
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes result,
                          ZeroPlanes(batch, planes.channels, planes.height, planes.width));
  for (int i = 0; i < batch; ++i) {
    const float* from = planes.Plane(i % planes.batch, 0);
    std::copy(from, from + planes.ItemSize(), result.Plane(i, 0));
  }
  return result;
}

FloatPlanes CroppedPlanes(const FloatPlanes& planes, int x, int y, int width, int height) {
  FloatPlanes result{planes.batch,
                     planes.channels,
                     std::min(height, planes.height - y),
                     std::min(width, planes.width - x),
                     {}};
  result.values.reserve(size_t(result.batch) * result.ItemSize());
  for (int i = 0; i < result.batch; ++i) {
    for (int c = 0; c < result.channels; ++c) {
      for (int row = y; row < y + result.height; ++row) {
        const float* from = planes.Plane(i, c) + size_t(row) * size_t(planes.width) + x;
        result.values.insert(result.values.end(), from, from + result.width);
      }
    }
  }
  return result;
}

FloatPlanes PlanesOf(const std::vector<Picture>& pictures) {
  const Picture& first = pictures.at(0);
  FloatPlanes planes{
      static_cast<int>(pictures.size()), first.channels, first.height, first.width, {}};
  planes.values.resize(pictures.size() * planes.ItemSize());
  for (int i = 0; i < planes.batch; ++i) {
    const std::vector<uint8_t>& pixels = pictures[size_t(i)].pixels;
    for (int c = 0; c < planes.channels; ++c) {
      float* plane = planes.Plane(i, c);
      for (size_t p = 0; p < planes.PlaneSize(); ++p) {
        plane[p] = pixels[p * size_t(planes.channels) + size_t(c)] / kFull;
      }
    }
  }
  return planes;
}

std::vector<Picture> PicturesOf(const FloatPlanes& planes) {
  std::vector<Picture> pictures;
  for (int i = 0; i < planes.batch; ++i) {
    Picture picture = BlankPicture(planes.width, planes.height, planes.channels, 0);
    for (int c = 0; c < planes.channels; ++c) {
      const float* plane = planes.Plane(i, c);
      for (size_t p = 0; p < planes.PlaneSize(); ++p) {
        picture.pixels[p * size_t(planes.channels) + size_t(c)] =
            static_cast<uint8_t>(std::lround(std::clamp(plane[p], 0.f, 1.f) * kFull));
      }
    }
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

}  // namespace patchbay
