#ifndef PATCHBAY_BRIDGES_COMMON_JSON_TEXT_H_
#define PATCHBAY_BRIDGES_COMMON_JSON_TEXT_H_

#include <string_view>

#include "bridges/common/json.h"

namespace patchbay {

// Lists and objects that a client's JSON may hold within one another. Writing a value again takes
// stack for each, and the programs that stand behind these protocols read no more than 1000.
inline constexpr int kMostJsonLevels = 500;

// What a client sent. A discarded value (`is_discarded()`) where it is no JSON or nested deeper
// than `kMostJsonLevels`; memory is taken only when neither is so.
Json ParseJsonText(std::string_view text);

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_JSON_TEXT_H_
