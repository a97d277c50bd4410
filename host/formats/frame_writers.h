#ifndef PATCHBAY_HOST_FORMATS_FRAME_WRITERS_H_
#define PATCHBAY_HOST_FORMATS_FRAME_WRITERS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "host/formats/frame_writer.h"

namespace patchbay {

// One writer for each kind of file; CreateClip chooses between them. The plans have a rate.

absl::StatusOr<std::unique_ptr<FrameWriter>> CreateWebpAnimation(const std::string& path,
                                                                 const ClipPlan& plan);
absl::StatusOr<std::unique_ptr<FrameWriter>> CreateFrameFolder(const std::string& path,
                                                               const ClipPlan& plan);
// format: libav's name: mp4, webm, gif.
absl::StatusOr<std::unique_ptr<FrameWriter>> CreateVideo(const std::string& path,
                                                         const std::string& format,
                                                         const ClipPlan& plan);

// Whether a frame is of the plan's size, with 3 or 4 channels.
absl::Status CheckFrame(const Picture& frame, const ClipPlan& plan);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_FRAME_WRITERS_H_
