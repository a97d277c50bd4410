#include "host/runtime/lora/lora_key.h"

#include "absl/strings/str_replace.h"

namespace patchbay {
namespace {

struct Ending {
  std::string_view text;
  LoraRole role;
};

// Longer endings come before those that they end in.
constexpr Ending kEndings[] = {
    {".lora_down.weight", LoraRole::kDown},  // kohya
    {".lora_up.weight", LoraRole::kUp},
    {".lora_mid.weight", LoraRole::kMid},
    {"_lora_down.weight", LoraRole::kDown},  // a converter that ran over diffusers' names
    {"_lora_up.weight", LoraRole::kUp},
    {".lora_linear_layer.down.weight", LoraRole::kDown},  // diffusers, text encoders
    {".lora_linear_layer.up.weight", LoraRole::kUp},
    {".lora.down.weight", LoraRole::kDown},  // diffusers
    {".lora.up.weight", LoraRole::kUp},
    {"_lora.down.weight", LoraRole::kDown},  // diffusers up to 0.20
    {"_lora.up.weight", LoraRole::kUp},
    {".lora_A.weight", LoraRole::kDown},  // PEFT
    {".lora_B.weight", LoraRole::kUp},
    {".lora_A.default.weight", LoraRole::kDown},
    {".lora_B.default.weight", LoraRole::kUp},
    {".lora_magnitude_vector.default.weight", LoraRole::kDoraMagnitude},
    {".lora_magnitude_vector.weight", LoraRole::kDoraMagnitude},
    {".lora_magnitude_vector", LoraRole::kDoraMagnitude},
    {".alpha", LoraRole::kAlpha},
    {".hada_w1_a", LoraRole::kHadaW1A},  // LyCORIS
    {".hada_w1_b", LoraRole::kHadaW1B},
    {".hada_w2_a", LoraRole::kHadaW2A},
    {".hada_w2_b", LoraRole::kHadaW2B},
    {".hada_t1", LoraRole::kHadaT1},
    {".hada_t2", LoraRole::kHadaT2},
    {".lokr_w1", LoraRole::kLokrW1},
    {".lokr_w1_a", LoraRole::kLokrW1A},
    {".lokr_w1_b", LoraRole::kLokrW1B},
    {".lokr_w2", LoraRole::kLokrW2},
    {".lokr_w2_a", LoraRole::kLokrW2A},
    {".lokr_w2_b", LoraRole::kLokrW2B},
    {".lokr_t2", LoraRole::kLokrT2},
    {".dora_scale", LoraRole::kDoraScale},
    {".diff", LoraRole::kDiff},
    {".diff_b", LoraRole::kBiasDiff},
    {".w_norm", LoraRole::kDiff},
    {".b_norm", LoraRole::kBiasDiff},
};

struct Prefix {
  std::string_view flat;
  LoraComponent component;
};

// Of flattened names. Some files carry two of them, one after the other.
constexpr Prefix kPrefixes[] = {
    {"base_model_model_", LoraComponent::kUnknown},
    {"lycoris_", LoraComponent::kUnknown},
    {"lora_unet_", LoraComponent::kUNet},
    {"lora_te1_", LoraComponent::kTextEncoder},
    {"lora_te2_", LoraComponent::kTextEncoder2},
    {"lora_te_", LoraComponent::kTextEncoder},
    {"unet_", LoraComponent::kUNet},
    {"text_encoder_2_", LoraComponent::kTextEncoder2},
    {"text_encoder_", LoraComponent::kTextEncoder},
};

void StripPrefixes(std::string& path, LoraComponent& component) {
  for (bool again = true; again;) {
    again = false;
    for (const Prefix& prefix : kPrefixes) {
      if (!path.starts_with(prefix.flat)) continue;
      path.erase(0, prefix.flat.size());
      if (prefix.component != LoraComponent::kUnknown) component = prefix.component;
      again = true;
      break;
    }
  }
}

}  // namespace

std::optional<LoraKey> ParseLoraKey(std::string_view key) {
  for (const Ending& ending : kEndings) {
    if (!key.ends_with(ending.text)) continue;
    LoraKey result;
    result.module = std::string(key.substr(0, key.size() - ending.text.size()));
    result.role = ending.role;
    result.flat_path = absl::StrReplaceAll(result.module, {{".processor.", "_"}, {".", "_"}});
    StripPrefixes(result.flat_path, result.component);
    return result;
  }
  return std::nullopt;
}

}  // namespace patchbay
