#ifndef PATCHBAY_HOST_FORMATS_FRAME_READERS_H_
#define PATCHBAY_HOST_FORMATS_FRAME_READERS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "host/base/mapped_file.h"
#include "host/formats/frames.h"

namespace patchbay {

// One reader for each kind of file; OpenFrames chooses between them.

// Whether a WebP file holds several pictures.
bool IsWebpAnimation(absl::Span<const std::byte> bytes);
absl::StatusOr<std::unique_ptr<FrameReader>> OpenWebpAnimation(
    std::shared_ptr<const MappedFile> file, const PictureLimits& limits);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_FRAME_READERS_H_
