#ifndef PATCHBAY_BRIDGES_WEBUI_SCRIPT_PICTURE_H_
#define PATCHBAY_BRIDGES_WEBUI_SCRIPT_PICTURE_H_

#include <string>

#include "absl/status/statusor.h"

namespace patchbay::webui {

// The file that a script's picture becomes: `image` as it came (base64), or, with a mask, a PNG
// file of it whose opacity is the mask's brightness. A mask that is black everywhere is one that
// nobody has painted and counts for nothing, as in ControlNet. INVALID_ARGUMENT for what is no
// picture.
absl::StatusOr<std::string> ScriptPicture(const std::string& image, const std::string& mask);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_SCRIPT_PICTURE_H_
