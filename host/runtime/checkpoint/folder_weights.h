#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_FOLDER_WEIGHTS_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_FOLDER_WEIGHTS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {

// Opens the weights of one component of a diffusers folder: `base`.safetensors, its variants
// (`base`.fp16.safetensors) and its shards (`base`-00001-of-00003.safetensors, with or without an
// index file), the two combined in either order. `base` is "diffusion_pytorch_model" or "model".
// Without a variant asked for, the plain files are taken, then fp16, then bf16, then any.
//
// INVALID_ARGUMENT when shards are missing, a tensor is stored twice, the index names a tensor that
// is not there, or there are only pickled weights; NOT_FOUND when there are no weights at all.
absl::StatusOr<WeightMap> OpenFolderWeights(const std::string& folder, std::string_view base,
                                            std::string_view variant);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_FOLDER_WEIGHTS_H_
