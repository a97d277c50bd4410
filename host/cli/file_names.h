#ifndef PATCHBAY_HOST_CLI_FILE_NAMES_H_
#define PATCHBAY_HOST_CLI_FILE_NAMES_H_

#include <string>

namespace patchbay {

// A file's name, or a part of it, as messages to a server can carry it: what is not UTF-8 becomes
// U+FFFD, of three bytes.
std::string SendableName(const std::string& name);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_FILE_NAMES_H_
