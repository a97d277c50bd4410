#include "bridges/comfyui/ip_adapter_presets.h"

#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace patchbay::comfyui {
namespace {

constexpr char kHuge[] = "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors";
constexpr char kGigantic[] = "CLIP-ViT-bigG-14-laion2B-39B-b160k.safetensors";

struct Preset {
  std::string_view name;
  bool is_community = false;
  std::string_view sd1;  // files' names; empty: there is none for the family
  std::string_view sdxl;
  std::string_view encoder;
};

constexpr Preset kPresets[] = {
    {"LIGHT - SD1.5 only (low strength)", false, "ip-adapter_sd15_light_v11", "", kHuge},
    {"STANDARD (medium strength)", false, "ip-adapter_sd15", "ip-adapter_sdxl_vit-h", kHuge},
    {"VIT-G (medium strength)", false, "ip-adapter_sd15_vit-G", "ip-adapter_sdxl", kGigantic},
    {"PLUS (high strength)", false, "ip-adapter-plus_sd15", "ip-adapter-plus_sdxl_vit-h", kHuge},
    {"PLUS FACE (portraits)", false, "ip-adapter-plus-face_sd15", "ip-adapter-plus-face_sdxl_vit-h",
     kHuge},
    {"FULL FACE - SD1.5 only (portraits stronger)", false, "ip-adapter-full-face_sd15", "", kHuge},
    {"Composition", true, "ip_plus_composition_sd15", "ip_plus_composition_sdxl", kHuge},
};

std::vector<std::string> Names(bool of_community) {
  std::vector<std::string> names;
  for (const Preset& preset : kPresets) {
    if (preset.is_community == of_community) names.emplace_back(preset.name);
  }
  return names;
}

}  // namespace

std::vector<std::string> IpAdapterPresets() { return Names(false); }
std::vector<std::string> CommunityIpAdapterPresets() { return Names(true); }

absl::StatusOr<IpAdapterFiles> FilesOfIpAdapterPreset(const std::string& preset,
                                                      const std::string& family) {
  if (family != "sd1" && family != "sdxl") {
    return absl::UnimplementedError(
        absl::StrCat("preset: there are adapters for Stable Diffusion 1 and SDXL, and this model "
                     "is of another kind (",
                     family, ")"));
  }
  for (const Preset& known : kPresets) {
    if (known.name != preset) continue;
    const std::string_view adapter = family == "sdxl" ? known.sdxl : known.sd1;
    if (adapter.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("preset: \"", preset, "\" is not for SDXL; take another"));
    }
    return IpAdapterFiles{std::string(adapter) + ".safetensors", std::string(known.encoder)};
  }
  return absl::InvalidArgumentError(absl::StrCat("preset: \"", preset, "\" is not known"));
}

}  // namespace patchbay::comfyui
