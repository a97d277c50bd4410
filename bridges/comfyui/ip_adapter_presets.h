#ifndef PATCHBAY_BRIDGES_COMFYUI_IP_ADAPTER_PRESETS_H_
#define PATCHBAY_BRIDGES_COMFYUI_IP_ADAPTER_PRESETS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace patchbay::comfyui {

// The names under which ComfyUI_IPAdapter_plus asks its users to keep the published files.
struct IpAdapterFiles {
  std::string adapter;
  std::string encoder;
};

// Presets of its node IPAdapterUnifiedLoader, and of IPAdapterUnifiedLoaderCommunity those whose
// model this server knows.
std::vector<std::string> IpAdapterPresets();
std::vector<std::string> CommunityIpAdapterPresets();

// What a preset means for a model of this family, as the host names it. UNIMPLEMENTED for families
// that the package has no adapters for, INVALID_ARGUMENT where a preset is for another family.
absl::StatusOr<IpAdapterFiles> FilesOfIpAdapterPreset(const std::string& preset,
                                                      const std::string& family);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_IP_ADAPTER_PRESETS_H_
