#ifndef PATCHBAY_BRIDGES_COMMON_PICTURE_H_
#define PATCHBAY_BRIDGES_COMMON_PICTURE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace patchbay {

// Pixels of 8 bits, row by row, without padding.
struct Picture {
  int width = 0;
  int height = 0;
  int channels = 3;  // 1 grey, 3 RGB, 4 RGBA (opacity not multiplied in)
  std::vector<uint8_t> pixels;

  uint8_t* At(int x, int y) { return &pixels[(size_t(y) * width + x) * channels]; }
  const uint8_t* At(int x, int y) const { return &pixels[(size_t(y) * width + x) * channels]; }
};

// A picture of one value, as large as asked.
Picture BlankPicture(int width, int height, int channels, uint8_t value);

// Reads a PNG, JPEG or WebP file as RGBA, turned upright where its EXIF says how the camera was
// held; 16 bits are reduced to 8, CMYK is converted. INVALID_ARGUMENT when it is none of them, an
// animation, is damaged, or has more than 2^27 pixels.
absl::StatusOr<Picture> DecodePicture(std::string_view bytes);

// A PNG file, with the usual compression. 1, 3 or 4 channels.
std::string EncodePng(const Picture& picture);
// A JPEG file, `quality` 1 to 100. Opacity is left out.
std::string EncodeJpeg(const Picture& picture, int quality);
// A lossy WebP file, `quality` 1 to 100.
std::string EncodeWebp(const Picture& picture, int quality);
// A WebP animation without loss, a frame for each picture, also for those that are alike. At least
// one; all of one size, at most 16383 pixels a side: else empty.
std::string EncodeWebpAnimation(const std::vector<Picture>& frames);

// With 1, 3 or 4 channels: grey is the luma of ITU-R BT.601, opacity is dropped or full.
Picture WithChannels(const Picture& picture, int channels);

enum class ResizeFilter { kNearest, kBilinear, kLanczos };

// Resampled as Pillow does: separable, the filter widened when shrinking, rounded to 8 bits after
// each direction (Pillow, src/libImaging/Resample.c). Sizes from 1 on.
Picture Resize(const Picture& picture, int width, int height, ResizeFilter filter);

// The part that begins at (x, y); what lies outside the picture is black.
Picture Crop(const Picture& picture, int x, int y, int width, int height);
// Writes `top` over `bottom`, its upper left corner at (x, y). Equal channels.
void Paste(const Picture& top, int x, int y, Picture& bottom);

// Blurred by a Gaussian of this standard deviation in pixels along x and y; 0: not along it.
Picture GaussianBlur(const Picture& picture, double sigma_x, double sigma_y);

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_PICTURE_H_
