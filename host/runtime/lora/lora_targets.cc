#include "host/runtime/lora/lora_targets.h"

#include "absl/strings/str_replace.h"
#include "host/runtime/checkpoint/ldm_names.h"

namespace patchbay {
namespace {

constexpr std::string_view kWeight = ".weight";
constexpr std::string_view kTextModel = "text_model.";

std::string Flat(std::string_view path) {
  return absl::StrReplaceAll(std::string(path), {{".", "_"}});
}

}  // namespace

LoraTargets::LoraTargets(const Checkpoint& checkpoint) {
  const UNetLdmLayout layout = UNetLdmLayout::FromDiffusers(checkpoint.unet);
  const auto each_module = [](const WeightMap& weights, LoraComponent component, auto enter) {
    for (const auto& [name, stored] : weights) {
      if (!name.ends_with(kWeight)) continue;
      const std::string path = name.substr(0, name.size() - kWeight.size());
      enter(path, LoraTarget{component, path, stored.tensor.sizes().vec()});
    }
  };
  each_module(checkpoint.unet, LoraComponent::kUNet,
              [&](const std::string& path, const LoraTarget& target) {
                Enter(target.component, path, target);
                if (const auto ldm = UNetLdmName(path, layout))
                  Enter(target.component, *ldm, target);
              });
  for (size_t i = 0; i < checkpoint.text_encoders.size() && i < 2; ++i) {
    const LoraComponent component =
        i == 0 ? LoraComponent::kTextEncoder : LoraComponent::kTextEncoder2;
    each_module(checkpoint.text_encoders[i].weights, component,
                [&](const std::string& path, const LoraTarget& target) {
                  Enter(component, path, target);
                  if (!path.starts_with(kTextModel)) return;
                  Enter(component, path.substr(kTextModel.size()), target);
                });
  }
}

void LoraTargets::Enter(LoraComponent component, const std::string& spelling,
                        const LoraTarget& target) {
  tables_[component].emplace(Flat(spelling), target);
}

const LoraTarget* LoraTargets::FindIn(LoraComponent component, const std::string& flat_path) const {
  const auto table = tables_.find(component);
  if (table == tables_.end()) return nullptr;
  // diffusers up to 0.20 wrote "to_out_lora" for the layer to_out.0.
  for (const char* ending : {"", "_0"}) {
    const auto found = table->second.find(flat_path + ending);
    if (found != table->second.end()) return &found->second;
  }
  return nullptr;
}

const LoraTarget* LoraTargets::Find(const LoraModule& module) const {
  if (module.component != LoraComponent::kUnknown)
    return FindIn(module.component, module.flat_path);
  for (const LoraComponent component :
       {LoraComponent::kUNet, LoraComponent::kTextEncoder, LoraComponent::kTextEncoder2}) {
    if (const LoraTarget* target = FindIn(component, module.flat_path)) return target;
  }
  return nullptr;
}

}  // namespace patchbay
