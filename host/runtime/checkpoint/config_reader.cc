#include "host/runtime/checkpoint/config_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/runtime/checkpoint/python_json.h"

namespace patchbay {
namespace {

// A value as messages show it; long lists help nobody.
std::string Shown(const nlohmann::json& value) {
  std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  constexpr size_t kShown = 80;
  if (text.size() > kShown) text = absl::StrCat(text.substr(0, kShown), " ...");
  return text;
}

std::string Listed(absl::Span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

bool IsCount(const nlohmann::json& value) {
  return value.is_number_integer() &&
         (!value.is_number_unsigned() ||
          value.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()});
}

}  // namespace

ConfigReader::ConfigReader(nlohmann::json values, std::string file)
    : values_(std::move(values)), file_(std::move(file)) {}

absl::StatusOr<ConfigReader> ConfigReader::Parse(std::string_view text, std::string_view file) {
  nlohmann::json values = ParsePythonJson(text);
  if (!values.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(std::string(file), " is not a JSON object"));
  }
  return ConfigReader(std::move(values), std::string(file));
}

const nlohmann::json* ConfigReader::Find(std::string_view name) {
  known_.emplace(name);
  const auto found = values_.find(std::string(name));
  return found == values_.end() || found->is_null() ? nullptr : &*found;
}

bool ConfigReader::Has(std::string_view name) { return Find(name) != nullptr; }

void ConfigReader::Refuse(std::string_view name, std::string_view reason) {
  if (status_.ok()) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat(file_, ": `", std::string(name), "` ", std::string(reason)));
  }
}

bool ConfigReader::Boolean(std::string_view name, bool otherwise) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return otherwise;
  if (value->is_boolean()) return value->get<bool>();
  Refuse(name, absl::StrCat("should be true or false and is ", Shown(*value)));
  return otherwise;
}

int64_t ConfigReader::Integer(std::string_view name, int64_t otherwise) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return otherwise;
  if (IsCount(*value)) return value->get<int64_t>();
  Refuse(name, absl::StrCat("should be a whole number and is ", Shown(*value)));
  return otherwise;
}

double ConfigReader::Number(std::string_view name, double otherwise) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return otherwise;
  if (value->is_number()) return value->get<double>();
  Refuse(name, absl::StrCat("should be a number and is ", Shown(*value)));
  return otherwise;
}

std::string ConfigReader::Text(std::string_view name, std::string_view otherwise) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return std::string(otherwise);
  if (value->is_string()) return value->get<std::string>();
  Refuse(name, absl::StrCat("should be a text and is ", Shown(*value)));
  return std::string(otherwise);
}

std::vector<int64_t> ConfigReader::Integers(std::string_view name) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return {};
  if (IsCount(*value)) return {value->get<int64_t>()};
  if (value->is_array() && std::all_of(value->begin(), value->end(), IsCount)) {
    return value->get<std::vector<int64_t>>();
  }
  Refuse(name, absl::StrCat("should be a whole number or a list of them and is ", Shown(*value)));
  return {};
}

std::vector<double> ConfigReader::Numbers(std::string_view name) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return {};
  if (value->is_number()) return {value->get<double>()};
  if (value->is_array() &&
      std::all_of(value->begin(), value->end(),
                  [](const nlohmann::json& item) { return item.is_number(); })) {
    return value->get<std::vector<double>>();
  }
  Refuse(name, absl::StrCat("should be a number or a list of them and is ", Shown(*value)));
  return {};
}

void ConfigReader::RequireAbsent(std::string_view name) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return;
  Refuse(name, absl::StrCat("is ", Shown(*value), ", which this program has no code for"));
}

void ConfigReader::RequireBoolean(std::string_view name, bool only) {
  if (Boolean(name, only) == only) return;
  Refuse(name,
         absl::StrCat("is ", only ? "false" : "true", ", which this program has no code for"));
}

void ConfigReader::RequireNumber(std::string_view name, double only) {
  const double value = Number(name, only);
  if (value == only) return;
  Refuse(name, absl::StrCat("is ", value, "; this program has only code for ", only));
}

void ConfigReader::RequireValue(std::string_view name, const nlohmann::json& value,
                                absl::Span<const std::string_view> allowed) {
  if (value.is_string() &&
      std::find(allowed.begin(), allowed.end(), value.get<std::string>()) != allowed.end()) {
    return;
  }
  Refuse(name,
         absl::StrCat("is ", Shown(value), "; this program has only code for ", Listed(allowed)));
}

void ConfigReader::RequireText(std::string_view name, absl::Span<const std::string_view> allowed) {
  if (const nlohmann::json* value = Find(name)) RequireValue(name, *value, allowed);
}

void ConfigReader::RequireTexts(std::string_view name, absl::Span<const std::string_view> allowed) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return;
  if (!value->is_array()) {
    Refuse(name, absl::StrCat("should be a list and is ", Shown(*value)));
    return;
  }
  for (const nlohmann::json& item : *value) RequireValue(name, item, allowed);
}

void ConfigReader::Ignore(absl::Span<const std::string_view> names) {
  for (const std::string_view name : names) known_.emplace(name);
}

absl::Status ConfigReader::Finish(std::vector<std::string>& warnings) const {
  if (!status_.ok()) return status_;
  for (const auto& [name, value] : values_.items()) {
    const bool unset = value.is_null() || value == false;
    if (unset || name.starts_with('_') || known_.count(name) != 0) continue;
    warnings.push_back(
        absl::StrCat(file_, ": `", name, "` = ", Shown(value), " is not understood and not used"));
  }
  return absl::OkStatus();
}

}  // namespace patchbay
