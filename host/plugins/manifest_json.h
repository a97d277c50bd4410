#ifndef PATCHBAY_HOST_PLUGINS_MANIFEST_JSON_H_
#define PATCHBAY_HOST_PLUGINS_MANIFEST_JSON_H_

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "patchbay/schema_names.h"

namespace patchbay {

// Parses JSON from someone whom we do not trust. INVALID_ARGUMENT: more bytes than `max_bytes`, a
// syntax error, nesting deeper than 8, a key that an object has twice.
absl::StatusOr<nlohmann::json> ParseStrictJson(std::string_view text, size_t max_bytes);

// Reads a JSON object member by member. The first error goes into the `status` that was given;
// after it, everything reads as empty. `object` and `status` must outlive this.
class JsonObject {
 public:
  // `where` is what errors call the object. `object` need not be one.
  JsonObject(const nlohmann::json& object, std::string where, absl::Status& status);

  std::string Text(const char* key);
  std::vector<std::string> Texts(const char* key);
  int64_t Integer(const char* key, int64_t minimum, int64_t maximum);
  double Number(const char* key);
  // A text that `names` holds, as its number.
  template <class Table>
  int64_t Name(const char* key, const Table& names) {
    return NamedValue(key, Text(key),
                      [&names](std::string_view name) { return sdk::schema_value(names, name); });
  }
  template <class Table>
  std::vector<int64_t> Names(const char* key, const Table& names) {
    std::vector<int64_t> values;
    for (const std::string& name : Texts(key)) {
      values.push_back(NamedValue(
          key, name, [&names](std::string_view text) { return sdk::schema_value(names, text); }));
    }
    return values;
  }
  void Inner(const char* key, const std::function<void(JsonObject&)>& read);
  // Calls `read` for each object in an array, and Finish() after it.
  void ForEach(const char* key, const std::function<void(JsonObject&)>& read);

  // An error if the object has members that nobody has read.
  void Finish();

 private:
  const nlohmann::json* Member(const char* key);
  void Fail(const char* key, const std::string& message);
  int64_t NamedValue(const char* key, const std::string& name,
                     const std::function<std::optional<int64_t>(std::string_view)>& value);

  const nlohmann::json& json_;
  std::string where_;
  absl::Status& status_;
  std::set<std::string> read_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_MANIFEST_JSON_H_
