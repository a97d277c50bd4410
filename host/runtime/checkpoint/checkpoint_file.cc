#include "host/runtime/checkpoint/checkpoint_file.h"

#include <string_view>

namespace patchbay {
namespace {

constexpr std::string_view kAveragedCopies = "model_ema.";

template <typename File>
WeightMap ViewTensors(const File& file) {
  WeightMap tensors;
  for (const auto& [name, stored] : file.tensors()) {
    if (name.starts_with(kAveragedCopies)) continue;
    tensors.emplace(name, ViewStoredWeight(stored, file.file()));
  }
  return tensors;
}

}  // namespace

CheckpointFile ContentOf(const SafetensorsFile& file) {
  return {file.path(), ViewTensors(file), file.metadata()};
}

CheckpointFile ContentOf(const GgufFile& file) { return {file.path(), ViewTensors(file), {}}; }

std::vector<std::string> TensorNames(const WeightMap& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, stored] : tensors) names.push_back(name);
  return names;
}

}  // namespace patchbay
