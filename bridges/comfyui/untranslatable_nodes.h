#ifndef PATCHBAY_BRIDGES_COMFYUI_UNTRANSLATABLE_NODES_H_
#define PATCHBAY_BRIDGES_COMFYUI_UNTRANSLATABLE_NODES_H_

#include <string>

namespace patchbay::comfyui {

// Why a class of ComfyUI's core is not offered, as a sentence that says what to do instead where
// something can be done; empty for classes that are offered or not known.
std::string WhyNotOffered(const std::string& class_name);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_UNTRANSLATABLE_NODES_H_
