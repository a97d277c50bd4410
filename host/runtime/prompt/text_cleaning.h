#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_TEXT_CLEANING_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_TEXT_CLEANING_H_

#include <string>
#include <string_view>

#include "host/runtime/prompt/tokenizer.h"

namespace patchbay {

// Well-formed text in the form in which it is cut into words.
std::string CleanText(std::string_view text, TextCleaning cleaning);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_TEXT_CLEANING_H_
