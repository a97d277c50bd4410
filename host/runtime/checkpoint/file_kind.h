#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_FILE_KIND_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_FILE_KIND_H_

#include <string>
#include <vector>

#include "host/formats/safetensors.h"

namespace patchbay {

// What a file with tensors of these names is that is no Stable Diffusion checkpoint, for a message:
// "a LoRA; give it with --lora". "a file whose tensors this program does not know" when it cannot
// tell.
std::string DescribeForeignTensors(const std::vector<std::string>& names);
std::string DescribeForeignTensors(const SafetensorsFile& file);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_FILE_KIND_H_
