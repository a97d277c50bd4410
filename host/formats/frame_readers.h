#ifndef PATCHBAY_HOST_FORMATS_FRAME_READERS_H_
#define PATCHBAY_HOST_FORMATS_FRAME_READERS_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/base/mapped_file.h"
#include "host/formats/frames.h"

namespace patchbay {

// One reader for each kind of file; OpenFrames chooses between them.

// Whether a WebP file holds several pictures.
bool IsWebpAnimation(absl::Span<const std::byte> bytes);
absl::StatusOr<std::unique_ptr<FrameReader>> OpenWebpAnimation(
    std::shared_ptr<const MappedFile> file, const PictureLimits& limits);

// format: libav's name for what the file's first bytes say it is: mov, matroska, gif, apng.
absl::StatusOr<std::unique_ptr<FrameReader>> OpenVideo(const std::string& path,
                                                       const std::string& format,
                                                       const PictureLimits& limits);

// That name; empty for what no video's or animation's signature is.
std::string VideoFormatOf(absl::Span<const std::byte> bytes);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_FRAME_READERS_H_
