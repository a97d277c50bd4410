#include "host/runtime/lora/lora_set.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/weight_names.h"
#include "host/runtime/lora/lora_branch.h"
#include "host/runtime/lora/lora_targets.h"
#include "host/runtime/lora/weight_change.h"

namespace patchbay {
namespace {

constexpr size_t kNamesShown = 5;
constexpr double kMaxWeight = 1000;

std::string Listed(const std::vector<std::string>& names) {
  const auto end = names.begin() + static_cast<long>(std::min(names.size(), kNamesShown));
  std::string text = absl::StrJoin(names.begin(), end, ", ");
  if (names.size() > kNamesShown)
    absl::StrAppend(&text, " and ", names.size() - kNamesShown, " more");
  return text;
}

// A weight's or bias's module path.
std::string ModulePath(const std::string& name) { return name.substr(0, name.rfind('.')); }

std::string MisfitMessage(const LoraFile& file, const LoraModule& module, const LoraTarget& target,
                          const std::string& complaint, const Checkpoint& checkpoint) {
  return absl::StrCat("the LoRA ", file.path(), " does not fit this model (",
                      std::string(ModelFamilyName(checkpoint.description.family)), "): at ",
                      target.path, " ", complaint, " (", module.name,
                      "). It is probably made for another family of models");
}

absl::Status CheckWeights(const WeightedLora& lora) {
  for (const double weight : {lora.unet_weight, lora.text_weight}) {
    if (std::isfinite(weight) && std::abs(weight) <= kMaxWeight) continue;
    return absl::InvalidArgumentError(absl::StrCat("the weight of the LoRA ", lora.path, " is ",
                                                   weight, "; it must be a number between ",
                                                   -kMaxWeight, " and ", kMaxWeight));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LoraSet> LoraSet::Open(absl::Span<const WeightedLora> loras,
                                      const Checkpoint& checkpoint) {
  LoraSet set;
  for (const WeightedLora& lora : loras) {
    PATCHBAY_RETURN_IF_ERROR(CheckWeights(lora));
    PATCHBAY_ASSIGN_OR_RETURN(const LoraFile file, LoraFile::Open(lora.path));
    PATCHBAY_RETURN_IF_ERROR(set.Add(file, lora, checkpoint));
  }
  return set;
}

absl::Status LoraSet::Add(const LoraFile& file, const WeightedLora& lora,
                          const Checkpoint& checkpoint) {
  const LoraTargets targets(checkpoint);
  std::vector<std::string> unused = file.not_understood();
  size_t used = 0;
  for (const LoraModule& module : file.modules()) {
    const LoraTarget* target = targets.Find(module);
    if (target == nullptr) {
      unused.push_back(module.name);
      continue;
    }
    std::string complaint;
    if (ChangesWeight(module)) complaint = ShapeComplaint(module, target->weight_shape);
    if (complaint.empty() && module.Has(LoraRole::kBiasDiff) &&
        module.tensors.at(LoraRole::kBiasDiff).numel() != target->weight_shape.front()) {
      complaint = "its change of the bias has another length";
    }
    if (!complaint.empty()) {
      return absl::InvalidArgumentError(
          MisfitMessage(file, module, *target, complaint, checkpoint));
    }
    const bool unet = target->component == LoraComponent::kUNet;
    changes_[target->component][target->path].push_back(
        {std::make_shared<const LoraModule>(module), unet ? lora.unet_weight : lora.text_weight});
    ++used;
  }
  if (used == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the LoRA ", file.path(), " fits no module of this model (",
        std::string(ModelFamilyName(checkpoint.description.family)),
        "); it is probably made for another family of models. It changes ", Listed(unused)));
  }
  if (!unused.empty()) {
    warnings_.push_back(absl::StrCat("of the LoRA ", file.path(),
                                     " this was not understood and is not used: ", Listed(unused)));
  }
  return absl::OkStatus();
}

void LoraSet::MergeInto(LoraComponent component, WeightReader& weights) const {
  const auto found = changes_.find(component);
  if (found == changes_.end()) return;
  const auto* changes = &found->second;
  const auto applies = [changes](const std::string& name) {
    return changes->count(ModulePath(name)) != 0;
  };
  const auto apply = [changes](const std::string& name, const at::Tensor& weight) {
    at::Tensor result = weight;
    const bool bias = name.ends_with(".bias");
    for (const Change& change : changes->at(ModulePath(name))) {
      const LoraModule& module = *change.module;
      if (bias && module.Has(LoraRole::kBiasDiff)) {
        result = result +
                 change.strength *
                     module.tensors.at(LoraRole::kBiasDiff).to(at::kFloat).reshape(weight.sizes());
      } else if (!bias && ChangesWeight(module)) {
        result = ChangedWeight(module, result, change.strength);
      }
    }
    return result;
  };
  weights.SetAdjustment(applies, apply);
}

absl::StatusOr<OperatorTable> LoraSet::SideBranches(LoraComponent component, const SiteTable& sites,
                                                    at::ScalarType precision, at::Device device,
                                                    double scale) const {
  OperatorTable table;
  const auto found = changes_.find(component);
  if (found == changes_.end()) return table;
  for (const auto& [path, changes] : found->second) {
    const std::optional<SiteIndex> site = sites.Find(path);
    if (!site) {
      return absl::UnimplementedError(
          absl::StrCat(path, " cannot take a LoRA as a side branch; merge it instead"));
    }
    auto patch = std::make_shared<LoraBranches>();
    for (const Change& change : changes) {
      if (!IsPlainLora(*change.module)) {
        return absl::UnimplementedError(
            absl::StrCat(change.module->name,
                         " is not a plain low-rank product and cannot be a side branch; merge it "
                         "instead"));
      }
      patch->Add(*change.module, sites[*site], change.strength * scale, precision, device);
    }
    table.Set(*site, sites.sites().size(), std::move(patch));
  }
  return table;
}

}  // namespace patchbay
