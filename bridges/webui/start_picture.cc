#include "bridges/webui/start_picture.h"

#include <algorithm>
#include <cmath>

#include "bridges/webui/mask_fill.h"

namespace patchbay::webui {
namespace {

// Over white, A1111's default background.
Picture Flattened(const Picture& picture) {
  Picture result = WithChannels(picture, 3);
  if (picture.channels != 4) return result;
  for (size_t i = 0; i < result.pixels.size(); ++i) {
    const int opacity = picture.pixels[i / 3 * 4 + 3];
    result.pixels[i] =
        static_cast<uint8_t>((result.pixels[i] * opacity + 255 * (255 - opacity) + 127) / 255);
  }
  return result;
}

// A mask drawn with transparency counts by its opacity, as A1111's page sends it.
Picture GreyMask(const Picture& mask) {
  if (mask.channels != 4) return WithChannels(mask, 1);
  const bool opaque = [&mask] {
    for (size_t i = 3; i < mask.pixels.size(); i += 4) {
      if (mask.pixels[i] != 255) return false;
    }
    return true;
  }();
  if (opaque) return WithChannels(mask, 1);
  Picture grey = BlankPicture(mask.width, mask.height, 1, 0);
  for (size_t i = 0; i < grey.pixels.size(); ++i) grey.pixels[i] = mask.pixels[i * 4 + 3];
  return grey;
}

struct Region {
  int x1, y1, x2, y2;
};

// The bounding box of what is not black; everything when all is black.
Region BoxOf(const Picture& mask, int padding) {
  Region box{mask.width, mask.height, 0, 0};
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      if (*mask.At(x, y) == 0) continue;
      box = {std::min(box.x1, x), std::min(box.y1, y), std::max(box.x2, x + 1),
             std::max(box.y2, y + 1)};
    }
  }
  if (box.x2 == 0) return {0, 0, mask.width, mask.height};
  return {std::max(box.x1 - padding, 0), std::max(box.y1 - padding, 0),
          std::min(box.x2 + padding, mask.width), std::min(box.y2 + padding, mask.height)};
}

// Makes the interval [low, high) `size` long where the picture's `limit` allows.
void Widen(int& low, int& high, int size, int limit) {
  const int more = size - (high - low);
  low -= more / 2;
  high += more - more / 2;
  if (high > limit) {
    low -= high - limit;
    high = limit;
  }
  if (low < 0) {
    high -= low;
    low = 0;
  }
  high = std::min(high, limit);
}

// The region made as wide and high in proportion as the picture that is drawn (expand_crop_region).
Region WithRatio(Region box, int width, int height, int limit_x, int limit_y) {
  const double wanted = static_cast<double>(width) / height;
  const double ratio = static_cast<double>(box.x2 - box.x1) / (box.y2 - box.y1);
  if (ratio > wanted) {
    Widen(box.y1, box.y2, static_cast<int>((box.x2 - box.x1) / wanted), limit_y);
  } else {
    Widen(box.x1, box.x2, static_cast<int>((box.y2 - box.y1) * wanted), limit_x);
  }
  return box;
}

Picture Inverted(Picture mask) {
  for (uint8_t& value : mask.pixels) value = static_cast<uint8_t>(255 - value);
  return mask;
}

Picture Rounded(Picture mask) {
  for (uint8_t& value : mask.pixels) value = value >= 128 ? 255 : 0;
  return mask;
}

// A1111 keeps less of the original than the blurred mask says: np.clip(mask * 2, 0, 255).
Picture Doubled(Picture mask) {
  for (uint8_t& value : mask.pixels) value = static_cast<uint8_t>(std::min(value * 2, 255));
  return mask;
}

void FillMasked(int fill, StartPicture& start) {
  if (fill == 1) return;
  start.image = FillFromSurroundings(start.image, *start.mask);
  if (fill == 2) start.latent_fill = LatentFill::kNoise;
  if (fill == 3) start.latent_fill = LatentFill::kZeros;
}

}  // namespace

Picture ResizeBy(ResizeMode mode, const Picture& picture, int width, int height) {
  if (mode == ResizeMode::kStretch || mode == ResizeMode::kLatent) {
    return Resize(picture, width, height, ResizeFilter::kLanczos);
  }
  const double by_width = static_cast<double>(width) / picture.width;
  const double by_height = static_cast<double>(height) / picture.height;
  const bool cover = mode == ResizeMode::kCrop;
  const double scale = cover ? std::max(by_width, by_height) : std::min(by_width, by_height);
  const Picture scaled =
      Resize(picture, std::max(1, static_cast<int>(picture.width * scale + 0.5)),
             std::max(1, static_cast<int>(picture.height * scale + 0.5)), ResizeFilter::kLanczos);
  const int left = (width - scaled.width) / 2, top = (height - scaled.height) / 2;
  if (cover) return Crop(scaled, -left, -top, width, height);
  Picture filled = BlankPicture(width, height, picture.channels, 0);
  for (int y = 0; y < height; ++y) {
    const int from_y = std::clamp(y - top, 0, scaled.height - 1);
    for (int x = 0; x < width; ++x) {
      const uint8_t* from = scaled.At(std::clamp(x - left, 0, scaled.width - 1), from_y);
      std::copy(from, from + picture.channels, filled.At(x, y));
    }
  }
  return filled;
}

StartPicture MakeStartPicture(const Picture& image, const std::optional<Picture>& mask,
                              const StartPictureOptions& options) {
  StartPicture start;
  const int width = options.width, height = options.height;
  const Picture flat = Flattened(image);
  if (!mask.has_value()) {
    const bool has_size = flat.width == width && flat.height == height;
    start.resizes_latent = options.resize_mode == ResizeMode::kLatent && !has_size;
    start.image = start.resizes_latent ? flat : ResizeBy(options.resize_mode, flat, width, height);
    return start;
  }
  Picture soft = Resize(GreyMask(*mask), flat.width, flat.height, ResizeFilter::kLanczos);
  if (options.mask_invert) soft = Inverted(std::move(soft));
  soft = GaussianBlur(soft, options.mask_blur_x, options.mask_blur_y);
  if (options.only_masked) {
    const Region box =
        WithRatio(BoxOf(soft, options.only_masked_padding), width, height, flat.width, flat.height);
    start.original = flat;
    start.keep = Inverted(soft);
    start.x = box.x1;
    start.y = box.y1;
    start.width = box.x2 - box.x1;
    start.height = box.y2 - box.y1;
    const auto part = [&](const Picture& whole) {
      return ResizeBy(ResizeMode::kFill, Crop(whole, box.x1, box.y1, start.width, start.height),
                      width, height);
    };
    start.image = part(flat);
    start.mask = part(soft);
  } else {
    start.image = ResizeBy(options.resize_mode, flat, width, height);
    start.mask = ResizeBy(options.resize_mode, soft, width, height);
    start.original = start.image;
    start.keep = Inverted(Doubled(*start.mask));
    start.width = width;
    start.height = height;
  }
  FillMasked(options.fill, start);
  if (options.mask_round) start.mask = Rounded(*std::move(start.mask));
  return start;
}

Picture StartPicture::Finished(const Picture& drawn) const {
  if (!mask.has_value()) return drawn;
  Picture result = original;
  const bool whole = width == drawn.width && height == drawn.height;
  const Picture part = whole ? WithChannels(drawn, 3)
                             : ResizeBy(ResizeMode::kCrop, WithChannels(drawn, 3), width, height);
  Paste(part, x, y, result);
  for (size_t i = 0; i < result.pixels.size(); ++i) {
    const int kept = keep.pixels[i / 3];
    result.pixels[i] = static_cast<uint8_t>(
        (original.pixels[i] * kept + result.pixels[i] * (255 - kept) + 127) / 255);
  }
  return result;
}

}  // namespace patchbay::webui
