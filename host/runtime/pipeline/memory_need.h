#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_MEMORY_NEED_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_MEMORY_NEED_H_

#include <cstdint>

#include "absl/status/status.h"
#include "host/runtime/checkpoint/model_description.h"
#include "host/runtime/pipeline/generation_request.h"

namespace patchbay {

// Bytes that a request takes at the very least, beyond the weights, when its first pass draws at
// this size: the larger of one feature map of the U-Net's outermost level (two bytes a number, one
// row for each picture) and the finished pictures as numbers and as bytes. What a job really takes
// is several times that; nothing that could be drawn is ever above it.
// `on_processor`: whether the U-Net runs in this memory and not in a GPU's.
uint64_t LeastMemory(const GenerationRequest& request, const PictureSize& size,
                     const ModelDescription& model, bool on_processor);

// RESOURCE_EXHAUSTED when LeastMemory() is more than `most` bytes; says how much, and what to
// change.
absl::Status CheckMemory(const GenerationRequest& request, const PictureSize& size,
                         const ModelDescription& model, bool on_processor, uint64_t most);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_MEMORY_NEED_H_
