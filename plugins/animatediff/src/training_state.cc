#include "plugins/animatediff/src/training_state.h"

#include <patchbay/error.h>

#include "plugins/safetensors/src/safetensors_bytes.h"

namespace animatediff {
namespace {

constexpr char kField[] = "resume";
constexpr char kFirst[] = "first_moment.";
constexpr char kSecond[] = "second_moment.";
// Stands before parameters in the metadata.
constexpr char kParameter[] = "parameter.";

[[noreturn]] void Refuse(const std::string& file, const std::string& reason) {
  throw patchbay::Error(std::string(kField) + ": " + file + " " + reason);
}

// The moments as LoRAs, so that they are stored and checked like these.
std::vector<ModuleLora> Laid(const Adaptation& layout, const std::vector<at::Tensor>& tensors) {
  std::vector<ModuleLora> loras;
  size_t next = 0;
  for (const ModuleLora& lora : layout.modules) {
    const size_t count = TensorsOf(lora).size();
    const auto begin = tensors.begin() + static_cast<std::ptrdiff_t>(next);
    loras.push_back(LoraOf(lora, {begin, begin + static_cast<std::ptrdiff_t>(count)}));
    next += count;
  }
  return loras;
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
  tensors.merge(
      NamedTensors(modules, Laid(state.adaptation, state.optimizer.first_moments), kFirst));
  tensors.merge(
      NamedTensors(modules, Laid(state.adaptation, state.optimizer.second_moments), kSecond));
  std::map<std::string, std::string> metadata = MetadataOf(state.adaptation.facts);
  for (const auto& [name, value] : state.parameters) metadata[kParameter + name] = value;
  return safetensors::SafetensorsBytes(tensors, metadata);
}

std::vector<std::string> StateKeys(const std::map<std::string, std::string>& parameters) {
  std::vector<std::string> keys = AdaptationKeys();
  for (const auto& [name, value] : parameters) keys.push_back(kParameter + name);
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
    Refuse(weights.name(), "is of training on another clip; give the same frames");
  }
  for (const auto& [name, value] : expected.parameters) {
    const auto found = metadata.find(kParameter + name);
    if (found == metadata.end() || found->second.empty()) {
      Refuse(weights.name(),
             "holds no training to go on with; take a state.safetensors of the action \"adapt\"");
    }
    if (found->second != value) {
      Refuse(weights.name(), "was trained with another " + name + " (" + found->second +
                                 ", and now it is " + value + "); training goes on with the same");
    }
  }
  state.adaptation.modules = ReadLoras(kField, weights, modules, facts.rank);
  const auto moments = [&](const char* prefix) {
    return TensorsOf(Adaptation{{}, ReadLoras(kField, weights, modules, facts.rank, prefix)});
  };
  state.optimizer.first_moments = moments(kFirst);
  state.optimizer.second_moments = moments(kSecond);
  state.optimizer.steps = facts.steps;
  return state;
}

}  // namespace animatediff
