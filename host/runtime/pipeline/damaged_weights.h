#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_DAMAGED_WEIGHTS_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_DAMAGED_WEIGHTS_H_

#include <optional>
#include <string>

#include "absl/types/span.h"
#include "host/runtime/checkpoint/checkpoint.h"
#include "host/runtime/pipeline/generation_request.h"

namespace patchbay {

// The first tensor of a checkpoint's files that holds a number which is not finite (NaN or
// infinity), for a message: `the U-Net's tensor "conv_in.weight"`. Nothing when all are finite.
// Reads every weight, so it is asked only after a result was not finite. May throw what LibTorch
// throws.
std::optional<std::string> FindDamagedWeight(const Checkpoint& checkpoint);

// The same of LoRAs' files: `"lora_unet_x" of the LoRA some/file.safetensors`.
std::optional<std::string> FindDamagedLora(absl::Span<const LoraChoice> loras);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_DAMAGED_WEIGHTS_H_
