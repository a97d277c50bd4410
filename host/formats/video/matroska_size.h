#ifndef PATCHBAY_HOST_FORMATS_VIDEO_MATROSKA_SIZE_H_
#define PATCHBAY_HOST_FORMATS_VIDEO_MATROSKA_SIZE_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/types/span.h"

namespace patchbay {

// How many bytes a Matroska or WebM file says that it has, by the length of its segment (RFC 8794,
// sections 4 to 6); nothing where it does not say, as in a live stream. libav takes what ends early
// for the end. start: the file's first bytes, a hundred are enough.
std::optional<uint64_t> SizeOfMatroska(absl::Span<const std::byte> start);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_VIDEO_MATROSKA_SIZE_H_
