#include "host/plugins/manifest_json.h"

#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/spelling.h"

namespace patchbay {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 8;
constexpr size_t kMaxElements = 1024;
constexpr size_t kMaxTextBytes = 65536;

// Watches the parser for what its result would not show any more.
class JsonWatch {
 public:
  bool See(int depth, json::parse_event_t event, const json& parsed) {
    if (depth > kMaxDepth && problem_.empty()) {
      problem_ = absl::StrCat("is nested deeper than ", kMaxDepth);
    }
    if (event == json::parse_event_t::object_start) keys_.emplace_back();
    if (event == json::parse_event_t::object_end && !keys_.empty()) keys_.pop_back();
    if (event == json::parse_event_t::key && !keys_.empty()) {
      const std::string& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second && problem_.empty()) {
        problem_ = absl::StrCat("has \"", key.substr(0, 60), "\" twice in one object");
      }
    }
    return problem_.empty();
  }

  const std::string& problem() const { return problem_; }

 private:
  std::vector<std::set<std::string>> keys_;
  std::string problem_;
};

}  // namespace

absl::StatusOr<json> ParseStrictJson(std::string_view text, size_t max_bytes) {
  if (text.size() > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", text.size(), " bytes; at most ", max_bytes, " are accepted"));
  }
  JsonWatch watch;
  try {
    json parsed = json::parse(text, [&watch](int depth, json::parse_event_t event, json& part) {
      return watch.See(depth, event, part);
    });
    if (watch.problem().empty()) return parsed;
  } catch (const json::exception& error) {
    if (watch.problem().empty()) {
      return absl::InvalidArgumentError(absl::StrCat("is not JSON: ", error.what()));
    }
  }
  return absl::InvalidArgumentError(watch.problem());
}

JsonObject::JsonObject(const json& object, std::string where, absl::Status& status)
    : json_(object), where_(std::move(where)), status_(status) {
  if (!json_.is_object() && status_.ok()) {
    status_ = absl::InvalidArgumentError(absl::StrCat(where_, " must be an object"));
  }
}

void JsonObject::Fail(const char* key, const std::string& message) {
  if (status_.ok()) {
    status_ = absl::InvalidArgumentError(absl::StrCat(where_, ": \"", key, "\" ", message));
  }
}

const json* JsonObject::Member(const char* key) {
  read_.insert(key);
  if (!status_.ok()) return nullptr;
  const auto found = json_.find(key);
  if (found == json_.end()) {
    Fail(key, "is missing");
    return nullptr;
  }
  return &*found;
}

std::string JsonObject::Text(const char* key) {
  const json* const member = Member(key);
  if (member == nullptr) return "";
  if (!member->is_string()) {
    Fail(key, "must be a string");
    return "";
  }
  const std::string& text = member->get_ref<const std::string&>();
  if (text.size() > kMaxTextBytes) {
    Fail(key,
         absl::StrCat("has ", text.size(), " bytes; at most ", kMaxTextBytes, " are accepted"));
  }
  return text;
}

std::vector<std::string> JsonObject::Texts(const char* key) {
  std::vector<std::string> texts;
  const json* const member = Member(key);
  if (member == nullptr) return texts;
  if (!member->is_array() || member->size() > kMaxElements) {
    Fail(key, absl::StrCat("must be an array of at most ", kMaxElements, " strings"));
    return texts;
  }
  for (const json& element : *member) {
    if (!element.is_string()) {
      Fail(key, "must hold strings only");
      return {};
    }
    texts.push_back(element.get<std::string>());
  }
  return texts;
}

int64_t JsonObject::Integer(const char* key, int64_t minimum, int64_t maximum) {
  const json* const member = Member(key);
  if (member == nullptr) return minimum;
  const bool fits =
      member->is_number_integer() &&
      !(member->is_number_unsigned() && member->get<uint64_t>() > static_cast<uint64_t>(maximum)) &&
      member->get<int64_t>() >= minimum && member->get<int64_t>() <= maximum;
  if (fits) return member->get<int64_t>();
  Fail(key, absl::StrCat("must be a whole number in ", minimum, "..", maximum));
  return minimum;
}

double JsonObject::Number(const char* key) {
  const json* const member = Member(key);
  if (member == nullptr) return 0.0;
  if (member->is_number() && std::isfinite(member->get<double>())) return member->get<double>();
  Fail(key, "must be a finite number");
  return 0.0;
}

int64_t JsonObject::NamedValue(
    const char* key, const std::string& name,
    const std::function<std::optional<int64_t>(std::string_view)>& value) {
  if (!status_.ok()) return 0;
  const std::optional<int64_t> found = value(name);
  if (!found.has_value()) {
    Fail(key, absl::StrCat("is \"", name.substr(0, 60), "\", which this host does not know"));
  }
  return found.value_or(0);
}

void JsonObject::Inner(const char* key, const std::function<void(JsonObject&)>& read) {
  const json* const member = Member(key);
  if (member == nullptr) return;
  JsonObject inner(*member, absl::StrCat(where_, ", ", key), status_);
  read(inner);
  inner.Finish();
}

void JsonObject::ForEach(const char* key, const std::function<void(JsonObject&)>& read) {
  const json* const member = Member(key);
  if (member == nullptr) return;
  if (!member->is_array() || member->size() > kMaxElements) {
    Fail(key, absl::StrCat("must be an array of at most ", kMaxElements, " objects"));
    return;
  }
  for (size_t i = 0; i < member->size() && status_.ok(); ++i) {
    JsonObject inner((*member)[i], absl::StrCat(where_, ", ", key, "[", i, "]"), status_);
    read(inner);
    inner.Finish();
  }
}

void JsonObject::Finish() {
  if (!status_.ok()) return;
  for (const auto& [key, value] : json_.items()) {
    if (read_.count(key) != 0) continue;
    const std::string nearest = NearestSpelling(key.substr(0, 60), {read_.begin(), read_.end()});
    Fail(key.substr(0, 60).c_str(),
         nearest.empty() ? "is unknown"
                         : absl::StrCat("is unknown; did you mean \"", nearest, "\"?"));
    return;
  }
}

}  // namespace patchbay
