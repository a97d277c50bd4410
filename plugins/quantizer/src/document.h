#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_DOCUMENT_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_DOCUMENT_H_

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "document_error.h"

// JSON files that people may read and edit, and so get wrong.

namespace quantizer {

using Json = nlohmann::ordered_json;

// where: a JSON pointer, or empty for the whole document.
[[noreturn]] void Fail(const std::string& where, const std::string& wanted);

// The whole file, at most 16 MiB. Throws DocumentError that names it.
std::string ReadDocument(const std::string& path);

// An object whose "format" is `format`. Repeated keys are errors.
Json ParseDocument(std::string_view text, const std::string& format);

// Throws unless `object` is an object without other keys.
void CheckKeys(const Json& object, const std::string& where,
               std::initializer_list<const char*> known);

// The text under `key` of the whole document.
std::string TextAt(const Json& document, const char* key);

// The object under `key` of the whole document.
const Json& ObjectAt(const Json& document, const char* key);

// Calls parse(text) with the file's text; what is wrong with it names the file.
template <class Parse>
auto ParseFile(const std::string& path, const Parse& parse) {
  const std::string text = ReadDocument(path);
  try {
    return parse(text);
  } catch (const DocumentError& error) {
    throw DocumentError(path + ": " + error.what());
  }
}

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_DOCUMENT_H_
