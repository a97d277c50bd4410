#ifndef PATCHBAY_HOST_PLUGINS_ERROR_TEXT_H_
#define PATCHBAY_HOST_PLUGINS_ERROR_TEXT_H_

#include <patchbay/abi/status.h>

#include <string>

namespace patchbay {

// What a plugin has written into the buffer: at most what it holds, also where the plugin forgot
// the zero at its end, and UTF-8, also where it was cut within a character.
std::string ErrorText(const patchbay_error& error);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_ERROR_TEXT_H_
