#ifndef PATCHBAY_BRIDGES_WEBUI_OPENAPI_H_
#define PATCHBAY_BRIDGES_WEBUI_OPENAPI_H_

#include <string_view>

namespace patchbay::webui {

// The text of openapi.json, which the build puts into the program.
extern const std::string_view kOpenApi;

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_OPENAPI_H_
