#ifndef PATCHBAY_HOST_FORMATS_GIF_STRUCTURE_H_
#define PATCHBAY_HOST_FORMATS_GIF_STRUCTURE_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace patchbay {

// What a GIF file's blocks say (GIF89a specification, sections 18 to 27), without unpacking any:
// libav takes a file that ends early for a shorter one.
struct GifStructure {
  int width = 0;
  int height = 0;
  int64_t frame_count = 0;
};

// INVALID_ARGUMENT for a file that ends before its trailer, or has blocks of no known kind; both
// say where.
absl::StatusOr<GifStructure> ReadGifStructure(absl::Span<const std::byte> bytes);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_GIF_STRUCTURE_H_
