#ifndef PATCHBAY_HOST_CLI_CLIP_SOURCE_H_
#define PATCHBAY_HOST_CLI_CLIP_SOURCE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "host/formats/frames.h"

namespace patchbay {

// Whether a path leads to a clip: a folder, a video or an animation. Anything else, files that are
// not there among it, is for those who take pictures.
bool IsClip(const std::string& path);

// Its frames. Errors name the path.
absl::StatusOr<std::unique_ptr<FrameReader>> OpenClip(const std::string& path);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_CLIP_SOURCE_H_
