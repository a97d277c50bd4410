#ifndef PATCHBAY_BRIDGES_WEBUI_INFOTEXT_H_
#define PATCHBAY_BRIDGES_WEBUI_INFOTEXT_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bridges/common/json.h"

namespace patchbay::webui {

// The block of text that A1111 puts into pictures (modules/infotext_utils.py): prompt, "Negative
// prompt: ...", and a last line of "Key: value" pairs.
using InfotextPairs = std::vector<std::pair<std::string, std::string>>;

// Writes it. Values with a comma, colon or line break are written as JSON strings; empty ones are
// left out.
std::string WriteInfotext(const std::string& prompt, const std::string& negative_prompt,
                          const InfotextPairs& pairs);

// Reads it, as png-info shows it: "Prompt", "Negative prompt", then the pairs as strings, with
// "Size" also as "Size-1" and "Size-2". The last line counts as pairs when it holds at least three.
Json ParseInfotext(std::string_view text);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_INFOTEXT_H_
