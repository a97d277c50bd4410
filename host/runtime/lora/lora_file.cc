#include "host/runtime/lora/lora_file.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/file_kind.h"
#include "host/runtime/lora/lora_key.h"
#include "host/runtime/lora/peft_metadata.h"

namespace patchbay {
namespace {

// Whether the tensors of a module make up one adaptation.
bool IsComplete(const LoraModule& module) {
  const auto both = [&module](LoraRole a, LoraRole b) { return module.Has(a) && module.Has(b); };
  if (module.Has(LoraRole::kDiff) || module.Has(LoraRole::kBiasDiff)) return true;
  if (module.Has(LoraRole::kDown) || module.Has(LoraRole::kUp)) {
    return both(LoraRole::kDown, LoraRole::kUp);
  }
  if (module.Has(LoraRole::kHadaW1A)) {
    return both(LoraRole::kHadaW1A, LoraRole::kHadaW1B) &&
           both(LoraRole::kHadaW2A, LoraRole::kHadaW2B) &&
           module.Has(LoraRole::kHadaT1) == module.Has(LoraRole::kHadaT2);
  }
  return (module.Has(LoraRole::kLokrW1) || both(LoraRole::kLokrW1A, LoraRole::kLokrW1B)) &&
         (module.Has(LoraRole::kLokrW2) || both(LoraRole::kLokrW2A, LoraRole::kLokrW2B));
}

bool IsReal(ElementType type) {
  switch (type) {
    case ElementType::kFloat64:
    case ElementType::kFloat32:
    case ElementType::kFloat16:
    case ElementType::kBFloat16:
    case ElementType::kFloat8E4M3:
    case ElementType::kFloat8E5M2:
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<LoraFile> LoraFile::Open(const std::string& path) {
  PATCHBAY_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(path));
  LoraFile result;
  result.path_ = path;
  std::map<std::string, LoraModule> modules;
  for (const auto& [name, stored] : file.tensors()) {
    std::optional<LoraKey> key = ParseLoraKey(name);
    if (!key) {
      result.not_understood_.push_back(name);
      continue;
    }
    LoraModule& module = modules[key->module];
    module.name = key->module;
    module.component = key->component;
    module.flat_path = key->flat_path;
    if (!IsReal(stored.type) && key->role != LoraRole::kAlpha) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": the tensor ", name, " holds ", std::string(ElementTypeName(stored.type)),
          " numbers; the weights of a LoRA must be floating-point"));
    }
    module.tensors[key->role] = ViewStoredWeight(stored, file.file()).tensor;
  }
  if (modules.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is no LoRA but ", DescribeForeignTensors(file)));
  }
  const PeftMetadata peft(file);
  for (auto& [name, module] : modules) {
    if (!IsComplete(module)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": of the LoRA for ", name, " some tensors are missing"));
    }
    PATCHBAY_ASSIGN_OR_RETURN(const PeftSettings settings, peft.For(module.component, name));
    module.metadata_alpha = settings.alpha;
    module.root_rank = settings.root_rank;
    result.modules_.push_back(std::move(module));
  }
  return result;
}

}  // namespace patchbay
