// Whatever bytes come in, the readers refuse them or return a picture within the limits that has a
// byte for each channel of each pixel.

#include <cstdlib>

#include "host/formats/frames.h"
#include "host/formats/gif_structure.h"
#include "host/formats/picture.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto content = absl::MakeConstSpan(reinterpret_cast<const std::byte*>(data), size);
  constexpr patchbay::PictureLimits kLimits{.max_pixels = 1 << 18, .max_side = 4096};
  const auto picture = patchbay::DecodePicture(content, kLimits);
  if (picture.ok()) {
    const size_t pixels =
        static_cast<size_t>(picture->width) * static_cast<size_t>(picture->height);
    if (picture->width < 1 || picture->height < 1 || pixels > size_t{1 << 18}) std::abort();
    if (picture->channels != 1 && picture->channels != 3 && picture->channels != 4) std::abort();
    if (picture->pixels.size() != pixels * static_cast<size_t>(picture->channels)) std::abort();
  }
  (void)patchbay::ReadPngText(content);
  (void)patchbay::IsAnimation(content);
  (void)patchbay::ReadGifStructure(content);
  return 0;
}
