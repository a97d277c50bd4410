#ifndef PATCHBAY_HOST_CLI_CLIP_SOURCE_H_
#define PATCHBAY_HOST_CLI_CLIP_SOURCE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "host/formats/frames.h"

namespace patchbay {

// Whether a path leads to a clip: a folder, a video or an animation. Any other file is for those
// who take pictures. What the system says of a path that cannot be opened, and its name.
absl::StatusOr<bool> IsClip(const std::string& path);

// Its frames. Errors name the path.
absl::StatusOr<std::unique_ptr<FrameReader>> OpenClip(const std::string& path);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_CLIP_SOURCE_H_
