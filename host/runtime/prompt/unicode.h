#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_UNICODE_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_UNICODE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace patchbay {

// The little of Unicode that CLIP's tokenizer and the prompt syntaxes need. Any thread may call.

// `text` with every byte that belongs to no well-formed UTF-8 sequence replaced by U+FFFD.
std::string ReplaceMalformedUtf8(std::string_view text);

// The code point at `text[position]` and, in `position`, where the next one starts. The text must
// be well-formed and position inside it.
char32_t NextCodePoint(std::string_view text, size_t& position);
void AppendUtf8(char32_t code_point, std::string& text);

bool IsWhiteSpace(char32_t code_point);  // White_Space
bool IsLetter(char32_t code_point);      // General_Category L
bool IsNumber(char32_t code_point);      // General_Category N

// Unicode normalisation form C of well-formed text.
std::string ComposeNfc(std::string_view text);
// Full lower-case mapping, code point by code point (no context: a final capital sigma becomes a
// plain sigma).
std::string LowerCase(std::string_view text);
// Every run of white space as one space.
std::string CollapseWhiteSpace(std::string_view text);
// Without white space at both ends.
std::string_view StripWhiteSpace(std::string_view text);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_UNICODE_H_
