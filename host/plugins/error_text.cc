#include "host/plugins/error_text.h"

#include <cstring>
#include <string_view>

#include "host/runtime/prompt/unicode.h"

namespace patchbay {

std::string ErrorText(const patchbay_error& error) {
  return ReplaceMalformedUtf8(
      std::string_view(error.text, strnlen(error.text, sizeof(error.text))));
}

}  // namespace patchbay
