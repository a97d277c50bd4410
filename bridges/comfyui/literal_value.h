#ifndef PATCHBAY_BRIDGES_COMFYUI_LITERAL_VALUE_H_
#define PATCHBAY_BRIDGES_COMFYUI_LITERAL_VALUE_H_

#include <optional>

#include "bridges/comfyui/node_class.h"

namespace patchbay::comfyui {

// Converts a literal to the input's type in place, as Python's int(), float(), str() and bool() do,
// then checks range and list. Returns the error as node_errors lists it: {type, message, details,
// extra_info}. `check_list`: whether a combo's value must be one of its values.
std::optional<Json> ConvertLiteral(const InputSpec& input, bool check_list, Json& value);

// One entry of node_errors' `errors`.
Json InputError(const std::string& type, const std::string& message, const std::string& details,
                Json extra_info);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_LITERAL_VALUE_H_
