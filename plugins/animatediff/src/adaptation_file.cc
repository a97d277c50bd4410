#include "plugins/animatediff/src/adaptation_file.h"

#include <patchbay/error.h>

#include <charconv>
#include <cmath>

#include "plugins/training/src/saved_training.h"

namespace animatediff {
namespace {

constexpr char kKind[] = "kind";
constexpr char kAdaptation[] = "patchbay.animatediff.adaptation/1";
constexpr char kRank[] = "rank";
constexpr char kMultiplier[] = "multiplier";
constexpr char kBaseModel[] = "base_model";
constexpr char kModule[] = "module";
constexpr char kClip[] = "clip";
constexpr char kLeastMask[] = "mask_least";
constexpr char kMostMask[] = "mask_most";
constexpr char kSteps[] = "steps";
constexpr char kOverFrames[] = "groupnorm_over_frames";
constexpr char kSharedNoise[] = "shared_noise";

// Stands before tensors' names.
constexpr char kLora[] = "lora.";

constexpr int64_t kMostRank = 1024;
constexpr int64_t kMostSteps = 10'000'000;

// Metadata of a file on its way in.
struct Reader {
  const std::string& field;
  const std::string& file;
  const std::map<std::string, std::string>& metadata;

  [[noreturn]] void Refuse(const std::string& reason) const {
    throw patchbay::Error(field + ": " + file + " " + reason);
  }

  std::string Text(const char* key) const {
    const auto found = metadata.find(key);
    if (found == metadata.end() || found->second.empty()) {
      Refuse(std::string("has no \"") + key + "\" in its metadata; it is damaged");
    }
    return found->second;
  }

  double Number(const char* key, double least, double most) const {
    const std::string text = Text(key);
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || !(number >= least) ||
        !(number <= most)) {
      Refuse("says that " + std::string(key) + " is \"" + text.substr(0, 80) +
             "\", which cannot be");
    }
    return number;
  }

  int64_t Whole(const char* key, int64_t least, int64_t most) const {
    const double number = Number(key, static_cast<double>(least), static_cast<double>(most));
    if (number != std::trunc(number))
      Refuse("says that " + std::string(key) + " is no whole number");
    return static_cast<int64_t>(number);
  }
};

}  // namespace

const std::vector<std::string>& AdaptationKeys() {
  static const std::vector<std::string> keys = {kKind,   kRank,       kMultiplier, kBaseModel,
                                                kModule, kClip,       kLeastMask,  kMostMask,
                                                kSteps,  kOverFrames, kSharedNoise};
  return keys;
}

std::vector<std::string> TensorNames(const MotionModule& module) {
  std::vector<std::string> names;
  ModuleLora layout = EmptyLora(module);
  for (const LoraPlace& place : PlacesOf(module, layout)) {
    names.push_back(module.name + "." + place.name + ".down.weight");
    names.push_back(module.name + "." + place.name + ".up.weight");
  }
  return names;
}

std::map<std::string, at::Tensor> NamedTensors(const MotionFile& modules,
                                               const std::vector<ModuleLora>& loras) {
  std::map<std::string, at::Tensor> tensors;
  for (size_t i = 0; i < loras.size(); ++i) {
    if (!modules.modules[i]) continue;
    const std::vector<at::Tensor> of_module = TensorsOf(loras[i]);
    const std::vector<std::string> names = TensorNames(*modules.modules[i]);
    for (size_t k = 0; k < names.size(); ++k) tensors[kLora + names[k]] = of_module.at(k);
  }
  return tensors;
}

std::map<std::string, std::string> MetadataOf(const AdaptationFacts& facts) {
  return {{kKind, kAdaptation},
          {kRank, std::to_string(facts.rank)},
          {kMultiplier, training::Spelled(facts.multiplier)},
          {kBaseModel, facts.base_model},
          {kModule, facts.module},
          {kClip, facts.clip},
          {kLeastMask, training::Spelled(facts.least_mask)},
          {kMostMask, training::Spelled(facts.most_mask)},
          {kSteps, std::to_string(facts.steps)},
          {kOverFrames, facts.groupnorm_over_frames ? "true" : "false"},
          {kSharedNoise, facts.shared_noise ? "true" : "false"}};
}

AdaptationFacts ReadAdaptationFacts(const std::string& field, const std::string& file,
                                    const std::map<std::string, std::string>& metadata) {
  const Reader reader{field, file, metadata};
  const auto kind = metadata.find(kKind);
  if (kind == metadata.end() || kind->second != kAdaptation) {
    reader.Refuse("is nothing that the action \"adapt\" has made; take its adaptation.safetensors");
  }
  AdaptationFacts facts;
  facts.rank = reader.Whole(kRank, 1, kMostRank);
  facts.multiplier = reader.Number(kMultiplier, -1000, 1000);
  facts.base_model = reader.Text(kBaseModel);
  facts.module = reader.Text(kModule);
  facts.clip = reader.Text(kClip);
  facts.least_mask = reader.Number(kLeastMask, 0, 1);
  facts.most_mask = reader.Number(kMostMask, 0, 1);
  facts.steps = reader.Whole(kSteps, 0, kMostSteps);
  facts.groupnorm_over_frames = reader.Text(kOverFrames) == "true";
  facts.shared_noise = reader.Text(kSharedNoise) == "true";
  return facts;
}

void CheckMadeFor(const std::string& field, const std::string& file, const AdaptationFacts& facts,
                  const std::string& base_model, const std::string& module) {
  if (facts.module != module) {
    throw patchbay::Error(field + ": " + file + " was made for another motion module (" +
                          facts.module + ", and this one is " + module +
                          "); give the one that it was made with, or adapt again");
  }
  if (facts.base_model != base_model) {
    throw patchbay::Error(field + ": " + file +
                          " was made for another model; use the one that it was made with, or "
                          "adapt again");
  }
}

at::Tensor ReadTensor(const std::string& field, const clip_vision::Weights& weights,
                      const std::string& name, const std::vector<int64_t>& shape) {
  try {
    return weights.Read(name, shape);
  } catch (const patchbay::Error& error) {
    throw patchbay::Error(field + ": " + error.what());
  }
}

std::vector<ModuleLora> ReadLoras(const std::string& field, const clip_vision::Weights& weights,
                                  const MotionFile& modules, int64_t rank) {
  std::vector<ModuleLora> loras;
  for (const std::optional<MotionModule>& module : modules.modules) {
    ModuleLora& lora = loras.emplace_back();
    if (!module) continue;
    lora = EmptyLora(*module);
    for (const LoraPlace& place : PlacesOf(*module, lora)) {
      const std::string name = kLora + module->name + "." + place.name;
      place.change->down = ReadTensor(field, weights, name + ".down.weight", {rank, place.inputs});
      place.change->up = ReadTensor(field, weights, name + ".up.weight", {place.outputs, rank});
    }
  }
  return loras;
}

}  // namespace animatediff
