#include "host/plugins/setting_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/spelling.h"
#include "host/base/status_macros.h"
#include "patchbay/schema_names.h"

namespace patchbay {
namespace {

constexpr size_t kMaxTextBytes = 65536;
constexpr size_t kMaxNameBytes = 255;
constexpr size_t kMaxListElements = 4096;

// How an error shows what the user wrote.
std::string Shown(std::string_view text) {
  constexpr size_t kMax = 60;
  return absl::StrCat("\"", std::string(text.substr(0, kMax)), text.size() > kMax ? "..." : "",
                      "\"");
}

absl::Status Invalid(const PluginField& field, const std::string& message) {
  return absl::InvalidArgumentError(absl::StrCat("setting \"", field.id, "\" ", message));
}

template <class Number>
std::string FormatNumber(Number value) {
  char text[32];
  const std::to_chars_result end = std::to_chars(text, text + sizeof(text), value);
  return std::string(text, end.ptr);
}

template <class Number>
std::optional<Number> ReadNumber(std::string_view text) {
  Number value{};
  const std::from_chars_result end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size()) return std::nullopt;
  if constexpr (std::is_same_v<Number, double>) {
    if (!std::isfinite(value)) return std::nullopt;
    // There is one zero: both would be different texts for the same setting.
    if (value == 0.0) value = 0.0;
  }
  return value;
}

template <class Number>
absl::StatusOr<Number> ParseNumber(const PluginField& field, std::string_view text) {
  const std::optional<Number> value = ReadNumber<Number>(text);
  if (!value.has_value()) {
    return Invalid(
        field, absl::StrCat("is ", Shown(text), "; it must be ",
                            std::is_same_v<Number, double> ? "a finite number" : "a whole number"));
  }
  const auto number = static_cast<double>(*value);
  if (number < field.minimum || number > field.maximum) {
    return Invalid(field,
                   absl::StrCat("is ", Shown(text), "; it must be in ", FormatNumber(field.minimum),
                                "..", FormatNumber(field.maximum)));
  }
  return *value;
}

template <class Number>
absl::StatusOr<SettingValue> ParseList(const PluginField& field, std::string_view text) {
  std::vector<Number> list;
  if (text.empty()) return list;
  for (size_t begin = 0; begin <= text.size();) {
    if (list.size() == kMaxListElements) {
      return Invalid(field, absl::StrCat("has more than ", kMaxListElements, " numbers"));
    }
    const size_t end = std::min(text.find('/', begin), text.size());
    const absl::StatusOr<Number> number =
        ParseNumber<Number>(field, text.substr(begin, end - begin));
    if (!number.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          number.status().message(), "; a list's numbers have a \"/\" between them, such as 1/2"));
    }
    list.push_back(*number);
    begin = end + 1;
  }
  return list;
}

absl::StatusOr<SettingValue> ParseBool(const PluginField& field, std::string_view text) {
  for (const char* yes : {"true", "on", "yes", "1"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"false", "off", "no", "0"}) {
    if (text == no) return false;
  }
  return Invalid(field, absl::StrCat("is ", Shown(text), "; it must be true or false"));
}

absl::StatusOr<SettingValue> ParseChoice(const PluginField& field, std::string_view text) {
  std::vector<std::string> ids;
  std::string listed;
  for (const FieldChoice& choice : field.choices) {
    if (choice.id == text) return choice.id;
    ids.push_back(choice.id);
    absl::StrAppend(&listed, listed.empty() ? "" : ", ", choice.id);
  }
  const std::string nearest = NearestSpelling(text.substr(0, kMaxNameBytes), ids);
  return Invalid(field, absl::StrCat("is ", Shown(text), "; it must be one of: ", listed,
                                     nearest.empty() ? "" : ". Did you mean ", nearest,
                                     nearest.empty() ? "" : "?"));
}

absl::StatusOr<SettingValue> ParseText(const PluginField& field, std::string_view text,
                                       size_t max_bytes) {
  if (text.size() > max_bytes) {
    return Invalid(
        field, absl::StrCat("has ", text.size(), " bytes; at most ", max_bytes, " are accepted"));
  }
  // It crosses to the plugin as a C string.
  if (text.find('\0') != std::string_view::npos) return Invalid(field, "holds a zero byte");
  return std::string(text);
}

// A plain name: where the file is, is the request's and the host's decision.
absl::StatusOr<SettingValue> ParseFileName(const PluginField& field, std::string_view text) {
  if (text.find_first_of("/\\") != std::string_view::npos || text.substr(0, 1) == ".") {
    return Invalid(field,
                   absl::StrCat("is ", Shown(text),
                                "; it must be the name of a file, without folders and without a "
                                "leading dot"));
  }
  return ParseText(field, text, kMaxNameBytes);
}

template <class Number>
std::string FormatList(const std::vector<Number>& list) {
  std::string text;
  for (const Number number : list) {
    absl::StrAppend(&text, text.empty() ? "" : "/", FormatNumber(number));
  }
  return text;
}

double Clamped(const PluginField& field, double value) {
  return std::clamp(value, field.minimum, field.maximum);
}
int64_t Clamped(const PluginField& field, int64_t value) {
  const auto number = static_cast<double>(value);
  if (number < field.minimum) return static_cast<int64_t>(std::ceil(field.minimum));
  if (number > field.maximum) return static_cast<int64_t>(std::floor(field.maximum));
  return value;
}

}  // namespace

absl::StatusOr<SettingValue> ParseSettingValue(const PluginField& field, std::string_view text) {
  switch (field.type) {
    case PATCHBAY_FIELD_BOOL:
      return ParseBool(field, text);
    case PATCHBAY_FIELD_INT:
      return ParseNumber<int64_t>(field, text);
    case PATCHBAY_FIELD_DOUBLE:
      return ParseNumber<double>(field, text);
    case PATCHBAY_FIELD_STRING:
      return ParseText(field, text, kMaxTextBytes);
    case PATCHBAY_FIELD_CHOICE:
      return ParseChoice(field, text);
    case PATCHBAY_FIELD_INT_LIST:
      return ParseList<int64_t>(field, text);
    case PATCHBAY_FIELD_DOUBLE_LIST:
      return ParseList<double>(field, text);
    case PATCHBAY_FIELD_FILE:
    case PATCHBAY_FIELD_PICTURE:
      return ParseFileName(field, text);
    default:
      return Invalid(field, absl::StrCat("has the unknown type ", field.type));
  }
}

std::string FormatSettingValue(const SettingValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<int64_t>(&value)) return FormatNumber(*number);
  if (const auto* number = std::get_if<double>(&value)) return FormatNumber(*number);
  if (const auto* list = std::get_if<std::vector<int64_t>>(&value)) return FormatList(*list);
  if (const auto* list = std::get_if<std::vector<double>>(&value)) return FormatList(*list);
  return std::get<std::string>(value);
}

SettingValue DefaultSettingValue(const PluginField& field) {
  absl::StatusOr<SettingValue> value = ParseSettingValue(field, field.default_text);
  return value.ok() ? *std::move(value) : SettingValue();
}

SettingValue ClampSettingValue(const PluginField& field, SettingValue value) {
  if (auto* number = std::get_if<int64_t>(&value)) *number = Clamped(field, *number);
  if (auto* number = std::get_if<double>(&value)) *number = Clamped(field, *number);
  if (auto* list = std::get_if<std::vector<int64_t>>(&value)) {
    for (int64_t& number : *list) number = Clamped(field, number);
  }
  if (auto* list = std::get_if<std::vector<double>>(&value)) {
    for (double& number : *list) number = Clamped(field, number);
  }
  return value;
}

bool HasRange(const PluginField& field) { return sdk::has_range(field.type); }

}  // namespace patchbay
