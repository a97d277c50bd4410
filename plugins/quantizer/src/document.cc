#include "document.h"

#include <fstream>
#include <set>
#include <vector>

namespace quantizer {
namespace {

constexpr std::streamoff kMostBytes = 16 << 20;

// The library keeps the last of repeated keys without a word.
class RepeatedKeys {
 public:
  bool operator()(int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) open_.emplace_back();
    if (event == Json::parse_event_t::object_end) open_.pop_back();
    if (event == Json::parse_event_t::key &&
        !open_.back().insert(value.get<std::string>()).second) {
      Fail("\"" + value.get<std::string>() + "\"", "is given twice in one object");
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> open_;
};

}  // namespace

void Fail(const std::string& where, const std::string& wanted) {
  throw DocumentError((where.empty() ? "the whole document" : where) + ": " + wanted);
}

std::string ReadDocument(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : -1;
  if (size < 0) throw DocumentError(path + ": cannot be read");
  if (size > kMostBytes) throw DocumentError(path + ": is larger than 16 MiB, too large for this");
  std::string text(static_cast<size_t>(size), '\0');
  if (!file.seekg(0).read(text.data(), size)) throw DocumentError(path + ": cannot be read");
  return text;
}

Json ParseDocument(std::string_view text, const std::string& format) {
  Json document;
  try {
    document = Json::parse(text, RepeatedKeys());
  } catch (const Json::exception& error) {
    throw DocumentError(std::string("this is no JSON: ") + error.what());
  }
  if (!document.is_object()) Fail("", "an object is wanted");
  if (const std::string given = TextAt(document, "format"); given != format) {
    Fail("/format", "is \"" + given.substr(0, 80) + "\"; wanted: " + format);
  }
  return document;
}

void CheckKeys(const Json& object, const std::string& where,
               std::initializer_list<const char*> known) {
  if (!object.is_object()) Fail(where, "an object is wanted");
  for (const auto& [key, value] : object.items()) {
    bool found = false;
    std::string list;
    for (const char* name : known) {
      found = found || key == name;
      list += std::string(list.empty() ? "" : ", ") + name;
    }
    if (!found) Fail(where + "/" + key, "is no key of this file; known here: " + list);
  }
}

std::string TextAt(const Json& document, const char* key) {
  const auto found = document.find(key);
  if (found == document.end() || !found->is_string()) {
    Fail(std::string("/") + key, "is missing or no text");
  }
  return found->get<std::string>();
}

const Json& ObjectAt(const Json& document, const char* key) {
  const auto found = document.find(key);
  if (found == document.end() || !found->is_object()) {
    Fail(std::string("/") + key, "is missing or no object");
  }
  return *found;
}

}  // namespace quantizer
