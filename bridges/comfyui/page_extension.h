#ifndef PATCHBAY_BRIDGES_COMFYUI_PAGE_EXTENSION_H_
#define PATCHBAY_BRIDGES_COMFYUI_PAGE_EXTENSION_H_

#include <string_view>

namespace patchbay::comfyui {

// The script patchbay.js, which ComfyUI's page loads as an extension.
extern const std::string_view kPageExtension;

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_PAGE_EXTENSION_H_
