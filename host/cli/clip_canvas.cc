#include "host/cli/clip_canvas.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr uint8_t kOpaque = 255;

// The mean of the colours, as the plugin takes masks.
bool IsWhite(const Picture& mask, size_t pixel) {
  const size_t at = pixel * static_cast<size_t>(mask.channels);
  if (mask.channels == 1) return mask.pixels[at] >= 128;
  return mask.pixels[at] + mask.pixels[at + 1] + mask.pixels[at + 2] >= 3 * 128 - 1;
}

void CopyPixel(const Picture& from, size_t pixel, uint8_t* to) {
  const uint8_t* const source = from.pixels.data() + pixel * static_cast<size_t>(from.channels);
  for (int channel = 0; channel < 3; ++channel) {
    to[channel] = source[from.channels == 1 ? 0 : channel];
  }
  to[3] = from.channels == 4 ? source[3] : kOpaque;
}

}  // namespace

Picture OnClipCanvas(const Picture& frame, const Picture* mask, const PictureMargins& margins) {
  const auto [left, top, right, bottom] = margins;
  Picture canvas{left + frame.width + right, top + frame.height + bottom, 4, {}};
  canvas.pixels.resize(size_t{4} * static_cast<size_t>(canvas.width) *
                       static_cast<size_t>(canvas.height));
  for (int y = 0; y < frame.height; ++y) {
    for (int x = 0; x < frame.width; ++x) {
      const auto pixel =
          static_cast<size_t>(y) * static_cast<size_t>(frame.width) + static_cast<size_t>(x);
      const auto place = static_cast<size_t>(top + y) * static_cast<size_t>(canvas.width) +
                         static_cast<size_t>(left + x);
      uint8_t* const to = canvas.pixels.data() + 4 * place;
      CopyPixel(frame, pixel, to);
      if (mask != nullptr && IsWhite(*mask, pixel)) to[3] = 0;
    }
  }
  return canvas;
}

Picture Opaque(const Picture& picture) {
  Picture opaque = OnClipCanvas(picture, nullptr, {});
  for (size_t i = 3; i < opaque.pixels.size(); i += 4) opaque.pixels[i] = kOpaque;
  return opaque;
}

absl::StatusOr<ClipMasks> ClipMasks::Open(const std::string& file, const ClipInfo& clip) {
  ClipMasks masks;
  if (file.empty()) return masks;
  PATCHBAY_ASSIGN_OR_RETURN(masks.reader_, OpenClip(file));
  const ClipInfo& info = masks.reader_->info();
  if (info.width == clip.width && info.height == clip.height) return masks;
  return absl::InvalidArgumentError(absl::StrCat("--mask ", file, " is ", info.width, "x",
                                                 info.height, " and the clip ", clip.width, "x",
                                                 clip.height, "; they must be alike"));
}

absl::StatusOr<const Picture*> ClipMasks::Next() {
  if (reader_ == nullptr) return nullptr;
  PATCHBAY_ASSIGN_OR_RETURN(std::optional<Picture> mask, reader_->Next());
  if (mask.has_value()) {
    mask_ = *std::move(mask);
    ++count_;
  } else if (count_ != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("--mask has ", count_,
                     " frames, and the clip more; give one mask for all, or one for each"));
  }
  return &mask_;
}

}  // namespace patchbay
