#include "plugins/animatediff/src/training_state.h"

#include <patchbay/error.h>

#include "plugins/safetensors/src/safetensors_bytes.h"
#include "plugins/training/src/saved_training.h"

namespace animatediff {
namespace {

constexpr char kField[] = "resume";
// Those of TensorsOf(), in its order.
std::vector<std::string> NamesOf(const MotionFile& modules, const Adaptation& adaptation) {
  std::vector<std::string> names;
  for (size_t i = 0; i < adaptation.modules.size(); ++i) {
    if (!modules.modules[i]) continue;
    for (const std::string& name : TensorNames(*modules.modules[i])) names.push_back(name);
  }
  return names;
}

}  // namespace

std::vector<at::Tensor> TensorsOf(const Adaptation& adaptation) {
  std::vector<at::Tensor> tensors;
  for (const ModuleLora& lora : adaptation.modules) {
    const std::vector<at::Tensor> of_module = TensorsOf(lora);
    tensors.insert(tensors.end(), of_module.begin(), of_module.end());
  }
  return tensors;
}

std::string AdaptationBytes(const MotionFile& modules, const Adaptation& adaptation) {
  return safetensors::SafetensorsBytes(NamedTensors(modules, adaptation.modules),
                                       MetadataOf(adaptation.facts));
}

std::string StateBytes(const MotionFile& modules, const TrainingState& state) {
  std::map<std::string, at::Tensor> tensors = NamedTensors(modules, state.adaptation.modules);
  training::AddMoments(NamesOf(modules, state.adaptation), state.optimizer, tensors);
  std::map<std::string, std::string> metadata = MetadataOf(state.adaptation.facts);
  metadata.merge(training::ParameterMetadata(state.parameters));
  return safetensors::SafetensorsBytes(tensors, metadata);
}

std::vector<std::string> StateKeys(const std::map<std::string, std::string>& parameters) {
  std::vector<std::string> keys = AdaptationKeys();
  for (const auto& [name, value] : training::ParameterMetadata(parameters)) keys.push_back(name);
  return keys;
}

TrainingState ReadState(const clip_vision::Weights& weights,
                        const std::map<std::string, std::string>& metadata,
                        const MotionFile& modules, const TrainingState& expected) {
  TrainingState state = expected;
  const AdaptationFacts& wanted = expected.adaptation.facts;
  AdaptationFacts& facts = state.adaptation.facts;
  facts = ReadAdaptationFacts(kField, weights.name(), metadata);
  CheckMadeFor(kField, weights.name(), facts, wanted.base_model, wanted.module);
  if (facts.clip != wanted.clip) {
    throw patchbay::Error(std::string(kField) + ": " + weights.name() +
                          " is of training on another clip; give the same frames");
  }
  training::CheckParameters(kField, weights.name(), metadata, expected.parameters);
  state.adaptation.modules = ReadLoras(kField, weights, modules, facts.rank);
  training::ReadMoments(
      [&](const std::string& name, const std::vector<int64_t>& shape) {
        return ReadTensor(kField, weights, name, shape);
      },
      NamesOf(modules, state.adaptation), TensorsOf(state.adaptation), state.optimizer);
  state.optimizer.steps = facts.steps;
  return state;
}

}  // namespace animatediff
