#ifndef PATCHBAY_BRIDGES_COMMON_UTF_TEXT_H_
#define PATCHBAY_BRIDGES_COMMON_UTF_TEXT_H_

#include <optional>
#include <string>
#include <string_view>

namespace patchbay {

// Conversions between the encodings that picture files use. What is not well formed becomes U+FFFD.

// Nothing when a character is not in ISO 8859-1.
std::optional<std::string> Latin1FromUtf8(std::string_view text);
std::string Utf8FromLatin1(std::string_view text);
std::string Utf16BigEndianFromUtf8(std::string_view text);
// Ends at the first zero character or where the bytes end.
std::string Utf8FromUtf16(std::string_view bytes, bool big_endian);

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_UTF_TEXT_H_
