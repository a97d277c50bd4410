#ifndef PATCHBAY_BRIDGES_COMFYUI_HOST_JOB_H_
#define PATCHBAY_BRIDGES_COMFYUI_HOST_JOB_H_

#include "absl/status/statusor.h"
#include "bridges/comfyui/node_class.h"

namespace patchbay::comfyui {

// Runs a generation for a node and waits for it; progress, previews and interruption go through
// `call`. Returns it as it ended well: CANCELLED when it was interrupted, the host's error when it
// failed.
absl::StatusOr<v1::Generation> RunHostJob(const v1::GenerationSettings& settings, NodeCall& call);

// A generation's pictures, RGB, with the texts that their files carry.
absl::StatusOr<ImageValue> PicturesOfJob(const v1::Generation& generation, NodeCall& call);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_HOST_JOB_H_
