#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_CHECKPOINT_FILE_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_CHECKPOINT_FILE_H_

#include <map>
#include <string>
#include <vector>

#include "host/formats/gguf.h"
#include "host/formats/safetensors.h"
#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {

// What one file holds, whatever its format.
struct CheckpointFile {
  std::string path;
  // Under the file's own names. Averaged copies ("model_ema."), which nothing reads, are left out.
  WeightMap tensors;
  // The texts of a safetensors file; a GGUF file's say nothing that is needed.
  std::map<std::string, std::string, std::less<>> metadata;
};

CheckpointFile ContentOf(const SafetensorsFile& file);
CheckpointFile ContentOf(const GgufFile& file);

std::vector<std::string> TensorNames(const WeightMap& tensors);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_CHECKPOINT_FILE_H_
