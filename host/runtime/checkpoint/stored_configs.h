#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_STORED_CONFIGS_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_STORED_CONFIGS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "host/runtime/checkpoint/checkpoint.h"
#include "host/runtime/checkpoint/checkpoint_file.h"

namespace patchbay {

// diffusers' configurations in a single file's metadata, each under its path in a folder without
// the suffix: "unet/config", "vae/config", "text_encoder/config", "text_encoder_2/config",
// "scheduler/scheduler_config". Files have them that were made from a folder whose numbers of heads
// or sizes are not those of a published model (models/export_single_file.py).

// Puts those that are there in the place of what was derived from shapes. INVALID_ARGUMENT names
// the entry.
absl::Status ReadStoredConfigs(const CheckpointFile& file, Checkpoint& checkpoint);

// The scheduler's, as it stands there.
std::optional<std::string> StoredSchedulerJson(const CheckpointFile& file);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_STORED_CONFIGS_H_
