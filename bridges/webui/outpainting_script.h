#ifndef PATCHBAY_BRIDGES_WEBUI_OUTPAINTING_SCRIPT_H_
#define PATCHBAY_BRIDGES_WEBUI_OUTPAINTING_SCRIPT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "bridges/common/json.h"

namespace patchbay::webui {

// A1111's two scripts of the img2img tab that enlarge a picture, "Outpainting mk2" and "Poor man's
// outpainting", whose place the plugin outpainter takes.
bool IsOutpaintingScript(std::string_view name);
// Their names as GET /sdapi/v1/scripts tells them.
Json OutpaintingScripts();

// In pixels.
struct Outpainting {
  int left = 0, top = 0, right = 0, bottom = 0;
  int feathering = 0;
};

// What a request's `script_args` ask for, with the scripts' own order and defaults:
// [_, pixels, mask blur, directions, fall-off, colour variation] and
// [pixels, mask blur, masked content, directions]; directions are "left", "right", "up", "down".
// A side that grows is rounded up to a multiple of 64 with its margins, as there. INVALID_ARGUMENT
// for arguments that do not fit, and where there is no direction.
absl::StatusOr<Outpainting> ReadOutpainting(std::string_view name, const Json& arguments, int width,
                                            int height);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_OUTPAINTING_SCRIPT_H_
