#ifndef PATCHBAY_HOST_BASE_COMPAT_PROFILE_H_
#define PATCHBAY_HOST_BASE_COMPAT_PROFILE_H_

#include <optional>
#include <string_view>

namespace patchbay {

// Whose conventions a job follows where diffusers, ComfyUI and AUTOMATIC1111 disagree: noise,
// schedules, prompt weights, clip skip, rounding. The same seed then gives the same picture as
// there.
enum class CompatProfile { kDiffusers, kComfyUi, kA1111 };

// "diffusers", "comfyui", "a1111"
constexpr std::string_view CompatProfileName(CompatProfile profile) {
  switch (profile) {
    case CompatProfile::kDiffusers:
      return "diffusers";
    case CompatProfile::kComfyUi:
      return "comfyui";
    case CompatProfile::kA1111:
      return "a1111";
  }
  return "diffusers";
}

constexpr std::optional<CompatProfile> ParseCompatProfile(std::string_view name) {
  for (const CompatProfile profile :
       {CompatProfile::kDiffusers, CompatProfile::kComfyUi, CompatProfile::kA1111}) {
    if (CompatProfileName(profile) == name) return profile;
  }
  return std::nullopt;
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_BASE_COMPAT_PROFILE_H_
