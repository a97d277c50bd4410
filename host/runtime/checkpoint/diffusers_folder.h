#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_DIFFUSERS_FOLDER_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_DIFFUSERS_FOLDER_H_

#include <string>

#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/checkpoint.h"

namespace patchbay {

// OpenCheckpoint for a folder with a model_index.json.
absl::StatusOr<Checkpoint> OpenDiffusersFolder(const std::string& path,
                                               const OpenCheckpointOptions& options);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_DIFFUSERS_FOLDER_H_
