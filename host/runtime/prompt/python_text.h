#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_PYTHON_TEXT_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_PYTHON_TEXT_H_

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace patchbay {

// What Python's str and re mean by white space, words and numbers. The prompt languages are defined
// by Python programs, and their edge cases are Python's. Texts are well-formed UTF-8. Any thread.

// "\s" and str.isspace()
bool IsPythonSpace(char32_t code_point);
// "\w": letters, numbers and the underscore
bool IsPythonWord(char32_t code_point);

std::string_view StripPythonSpaceLeft(std::string_view text);
std::string_view StripPythonSpaceRight(std::string_view text);

// Where "\bWORD\b" matches; `word` consists of letters.
std::vector<size_t> FindWord(std::string_view text, std::string_view word);

// float(text), white space around it allowed; nothing when that fails, is infinite or not a number.
// Digits must be ASCII.
std::optional<double> ParsePythonFloat(std::string_view text);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_PYTHON_TEXT_H_
