#include <c10/core/DeviceType.h>
#include <dlfcn.h>

#include <filesystem>
#include <string>

#include "host/plugins/plugin_probe.h"

namespace patchbay {

std::string LoadedLibTorchFolder() {
  // Any function of LibTorch's; where it comes from is what counts.
  std::string (*const name)(c10::DeviceType, bool) = &c10::DeviceTypeName;
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(name), &info) == 0) return "";
  return std::filesystem::absolute(info.dli_fname).parent_path().string();
}

}  // namespace patchbay
