#include "host/runtime/checkpoint/python_json.h"

#include <string>

namespace patchbay {
namespace {

// The length of the literal that `text` starts with; 0 for none.
size_t LiteralLength(std::string_view text) {
  for (const std::string_view literal : {"-Infinity", "Infinity", "NaN"}) {
    if (text.starts_with(literal)) return literal.size();
  }
  return 0;
}

std::string WithoutLiterals(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t literal = in_string ? 0 : LiteralLength(text.substr(i));
    if (literal > 0) {
      result += "null";
      i += literal - 1;
      continue;
    }
    result += text[i];
    if (text[i] == '"') in_string = !in_string;
    if (in_string && text[i] == '\\' && i + 1 < text.size()) result += text[++i];
  }
  return result;
}

}  // namespace

nlohmann::json ParsePythonJson(std::string_view text) {
  return nlohmann::json::parse(WithoutLiterals(text), nullptr, /*allow_exceptions=*/false);
}

}  // namespace patchbay
