#include "host/runtime/lora/lora_file.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/file_kind.h"
#include "host/runtime/checkpoint/text_file.h"
#include "host/runtime/lora/lora_key.h"

namespace patchbay {
namespace {

using Json = nlohmann::json;

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

// What PEFT writes beside its tensors: the strength is lora_alpha / r, not told by the tensors.
struct PeftSettings {
  std::optional<double> alpha;
  bool root_rank = false;
};

PeftSettings FromPeftJson(const Json& json, const std::string& prefix) {
  PeftSettings settings;
  if (!json.is_object()) return settings;
  if (const auto alpha = json.find(prefix + "lora_alpha");
      alpha != json.end() && alpha->is_number()) {
    settings.alpha = alpha->get<double>();
  }
  if (const auto root = json.find(prefix + "use_rslora");
      root != json.end() && root->is_boolean()) {
    settings.root_rank = root->get<bool>();
  }
  return settings;
}

// diffusers stores PEFT's settings in the file's metadata, PEFT itself in adapter_config.json
// beside it.
class PeftMetadata {
 public:
  explicit PeftMetadata(const SafetensorsFile& file) {
    if (const auto found = file.metadata().find("lora_adapter_metadata");
        found != file.metadata().end()) {
      metadata_ = Json::parse(found->second, nullptr, false);
    }
    const std::filesystem::path path(file.path());
    if (path.filename() != "adapter_model.safetensors") return;
    const auto text = ReadTextFile((path.parent_path() / "adapter_config.json").string());
    if (text.ok()) config_ = Json::parse(*text, nullptr, false);
  }

  PeftSettings For(LoraComponent component) const {
    const PeftSettings beside = FromPeftJson(config_, "");
    if (beside.alpha) return beside;
    switch (component) {
      case LoraComponent::kUNet:
        return FromPeftJson(metadata_, "unet.");
      case LoraComponent::kTextEncoder:
        return FromPeftJson(metadata_, "text_encoder.");
      case LoraComponent::kTextEncoder2:
        return FromPeftJson(metadata_, "text_encoder_2.");
      case LoraComponent::kUnknown:
        break;
    }
    return {};
  }

 private:
  Json metadata_;
  Json config_;
};

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
    const PeftSettings settings = peft.For(module.component);
    module.metadata_alpha = settings.alpha;
    module.root_rank = settings.root_rank;
    result.modules_.push_back(std::move(module));
  }
  return result;
}

}  // namespace patchbay
