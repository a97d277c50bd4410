#ifndef PATCHBAY_BRIDGES_COMMON_JSON_H_
#define PATCHBAY_BRIDGES_COMMON_JSON_H_

#include <nlohmann/json.hpp>

namespace patchbay {

// JSON that keeps the order of its members: the UIs' answers and node inputs are ordered, and one
// client tells a WebSocket message by its first member.
using Json = nlohmann::ordered_json;

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_JSON_H_
