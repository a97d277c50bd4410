#ifndef PATCHBAY_HOST_FORMATS_VIDEO_PALETTE_H_
#define PATCHBAY_HOST_FORMATS_VIDEO_PALETTE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace patchbay {

// At most 256 colours for one frame, and which of them each pixel is nearest to.
struct PaletteFrame {
  std::array<uint32_t, 256> colours{};  // 0xFFRRGGBB; unused ones are black
  std::vector<uint8_t> indices;
};

// By median cut (Heckbert 1982) over colours of five bits a channel. A frame of at most 256 such
// colours keeps the mean of each. rgb: three bytes a pixel.
PaletteFrame WithPalette(absl::Span<const std::byte> rgb);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_VIDEO_PALETTE_H_
