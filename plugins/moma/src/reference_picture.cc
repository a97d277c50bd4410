#include "plugins/moma/src/reference_picture.h"

#include <algorithm>

#include "patchbay/error.h"
#include "plugins/clip_vision/src/preprocessing.h"
#include "plugins/clip_vision/src/resampling.h"
#include "plugins/moma/src/segmentation.h"

namespace moma {
namespace {

constexpr int64_t kHalf = 128;

at::Tensor PixelsOverWhite(const at::Tensor& picture) {
  const at::Tensor opacity = picture.slice(1, 3, 4);
  return clip_vision::Pixels(picture.slice(1, 0, 3) * opacity + (1 - opacity));
}

at::Tensor GivenMask(const at::Tensor& mask, clip_vision::PictureSize size, bool loose) {
  const at::Tensor grey = clip_vision::Grey(
      clip_vision::Resize(clip_vision::Pixels(mask), size, clip_vision::Filter::kBicubic));
  const at::Tensor chosen = loose ? grey > 0 : grey >= kHalf;
  if (!chosen.any().item<bool>()) {
    if ((clip_vision::Grey(clip_vision::Pixels(mask)) >= kHalf).any().item<bool>()) {
      throw patchbay::Error(
          "mask is so thin that nothing of it is left at the picture's size; "
          "paint it broader");
    }
    throw patchbay::Error(
        "mask is empty: none of it is white, so there is no subject; paint white where it is, or "
        "leave the mask out");
  }
  return chosen;
}

at::Tensor MaskFromOpacity(const at::Tensor& picture) {
  const at::Tensor chosen = (picture[0][3] * 255).round() >= kHalf;
  if (!chosen.any().item<bool>()) {
    throw patchbay::Error(
        "image is transparent all over, so there is no subject; give a mask, or a picture that "
        "shows something");
  }
  return chosen;
}

// First and one behind the last true element.
struct Range {
  int64_t begin = 0;
  int64_t end = 0;
  Range Grown(int64_t by, int64_t length) const {
    return {std::max<int64_t>(0, begin - by), std::min(length, end + by)};
  }
};

Range RangeOf(const at::Tensor& line) {
  const at::Tensor places = line.nonzero();
  return {places.min().item<int64_t>(), places.max().item<int64_t>() + 1};
}

// Where something of height x width lies in a square, its longer side filling it.
struct Placement {
  clip_vision::PictureSize size;
  int64_t top = 0;
  int64_t left = 0;
};

Placement PlaceInSquare(int64_t height, int64_t width, int64_t size) {
  const int64_t longer = std::max(height, width);
  const auto resized = [&](int64_t side) {
    return std::max<int64_t>(1, (2 * side * size + longer) / (2 * longer));
  };
  Placement place;
  place.size = {resized(height), resized(width)};
  place.top = (size - place.size.height) / 2;
  place.left = (size - place.size.width) / 2;
  return place;
}

// [H, W] of bool to 8 bits, 255 where it is true.
at::Tensor ResizedMask(const at::Tensor& mask, clip_vision::PictureSize size) {
  const at::Tensor bytes = (mask.to(at::kByte) * 255).unsqueeze(2);
  return clip_vision::Resize(bytes, size, clip_vision::Filter::kBicubic).squeeze(2);
}

}  // namespace

Subject ReadSubject(const at::Tensor& picture, const at::Tensor& mask, bool loose) {
  Subject subject;
  subject.pixels = PixelsOverWhite(picture);
  subject.mask = mask.defined() ? GivenMask(mask, {picture.size(2), picture.size(3)}, loose)
                                : MaskFromOpacity(picture);
  subject.is_everywhere = subject.mask.all().item<bool>();
  if (mask.defined() || loose || !subject.is_everywhere) return subject;
  const at::Tensor found = FindSubject(subject.pixels);
  if (!found.defined()) return subject;
  subject.mask = found;
  subject.is_everywhere = false;
  subject.was_found = true;
  return subject;
}

Subject CutOut(const Subject& subject) {
  const Range rows = RangeOf(subject.mask.any(1));
  const Range columns = RangeOf(subject.mask.any(0));
  const int64_t longer = std::max(rows.end - rows.begin, columns.end - columns.begin);
  const int64_t margin = (longer * 75 + 500) / 1000;
  const Range y = rows.Grown(margin, subject.mask.size(0));
  const Range x = columns.Grown(margin, subject.mask.size(1));
  const auto cut = [&](const at::Tensor& whole) {
    return whole.slice(0, y.begin, y.end).slice(1, x.begin, x.end).contiguous();
  };
  return {cut(subject.pixels), cut(subject.mask), subject.is_everywhere, subject.was_found};
}

at::Tensor OverWhite(const Subject& subject) {
  return at::where(subject.mask.unsqueeze(2), subject.pixels,
                   at::full({}, 255, subject.pixels.options()));
}

at::Tensor FitSquare(const at::Tensor& pixels, int64_t size, Margin margin) {
  const Placement place = PlaceInSquare(pixels.size(0), pixels.size(1), size);
  const at::Tensor resized = clip_vision::Resize(pixels, place.size, clip_vision::Filter::kBicubic);
  if (margin == Margin::kEdge) {
    const auto nearest = [&](int64_t offset, int64_t length) {
      return (at::arange(size) - offset).clamp(0, length - 1);
    };
    return resized.index_select(0, nearest(place.top, place.size.height))
        .index_select(1, nearest(place.left, place.size.width));
  }
  at::Tensor square = at::full({size, size, 3}, 255, pixels.options());
  square.narrow(0, place.top, place.size.height)
      .narrow(1, place.left, place.size.width)
      .copy_(resized);
  return square;
}

at::Tensor FitSquareMask(const at::Tensor& mask, int64_t size) {
  const Placement place = PlaceInSquare(mask.size(0), mask.size(1), size);
  const at::Tensor grey = ResizedMask(mask, place.size);
  at::Tensor chosen = grey >= kHalf;
  // Something thinner than a pixel is there all the same.
  if (!chosen.any().item<bool>()) chosen = grey == grey.max();
  at::Tensor square = at::zeros({size, size}, at::kBool);
  square.narrow(0, place.top, place.size.height)
      .narrow(1, place.left, place.size.width)
      .copy_(chosen);
  return square;
}

at::Tensor Squashed(const at::Tensor& pixels, int64_t size) {
  return clip_vision::Resize(pixels, {size, size}, clip_vision::Filter::kBicubic);
}

at::Tensor SquashedMask(const at::Tensor& mask, int64_t size) {
  return ResizedMask(mask, {size, size}) > 0;
}

}  // namespace moma
