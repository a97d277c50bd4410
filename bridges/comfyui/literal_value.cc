#include "bridges/comfyui/literal_value.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace patchbay::comfyui {
namespace {

constexpr size_t kLongList = 20;

std::string Shown(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Python's int(); false: it would raise.
bool ToInt(Json& value) {
  if (value.is_number_integer()) return true;
  if (value.is_boolean()) {
    value = value.get<bool>() ? 1 : 0;
    return true;
  }
  if (value.is_number_float()) {
    const double number = std::trunc(value.get<double>());
    if (!(std::abs(number) < 9.2e18)) return false;
    value = static_cast<int64_t>(number);
    return true;
  }
  int64_t whole = 0;
  uint64_t large = 0;
  if (!value.is_string()) return false;
  if (absl::SimpleAtoi(value.get<std::string>(), &whole)) {
    value = whole;
  } else if (absl::SimpleAtoi(value.get<std::string>(), &large)) {
    value = large;
  } else {
    return false;
  }
  return true;
}

bool ToFloat(Json& value) {
  if (value.is_boolean()) value = value.get<bool>() ? 1.0 : 0.0;
  if (value.is_number()) {
    value = value.get<double>();
    return true;
  }
  double number = 0;
  if (!value.is_string() || !absl::SimpleAtod(value.get<std::string>(), &number)) return false;
  if (!std::isfinite(number)) return false;
  value = number;
  return true;
}

void ToBool(Json& value) {
  if (value.is_string()) {
    value = !value.get<std::string>().empty();
  } else if (value.is_number()) {
    value = value != 0;
  } else if (!value.is_boolean()) {
    value = !value.empty();
  }
}

bool Converted(const std::string& type, Json& value) {
  if (type == "INT") return ToInt(value);
  if (type == "FLOAT") return ToFloat(value);
  if (type == "STRING" && !value.is_string()) value = Shown(value);
  if (type == "BOOLEAN") ToBool(value);
  return true;
}

// The library compares a signed with an unsigned number as signed ones; seeds need all 64 bits.
bool IsLess(const Json& a, const Json& b) {
  if (a.is_number_float() || b.is_number_float()) return a.get<double>() < b.get<double>();
  const bool large_a = a.is_number_unsigned(), large_b = b.is_number_unsigned();
  if (large_a && large_b) return a.get<uint64_t>() < b.get<uint64_t>();
  if (large_a) return std::cmp_less(a.get<uint64_t>(), b.get<int64_t>());
  if (large_b) return std::cmp_less(a.get<int64_t>(), b.get<uint64_t>());
  return a.get<int64_t>() < b.get<int64_t>();
}

std::optional<Json> CheckRange(const InputSpec& input, const Json& extra, const Json& value) {
  const auto low = input.options.find("min"), high = input.options.find("max");
  if (low != input.options.end() && IsLess(value, *low)) {
    return InputError("value_smaller_than_min",
                      absl::StrCat("Value ", Shown(value), " smaller than min of ", Shown(*low)),
                      input.name, extra);
  }
  if (high != input.options.end() && IsLess(*high, value)) {
    return InputError("value_bigger_than_max",
                      absl::StrCat("Value ", Shown(value), " bigger than max of ", Shown(*high)),
                      input.name, extra);
  }
  return std::nullopt;
}

std::optional<Json> CheckList(const InputSpec& input, Json extra, const Json& value) {
  if (std::find(input.type.begin(), input.type.end(), value) != input.type.end()) {
    return std::nullopt;
  }
  std::string list = absl::StrCat("(list of length ", input.type.size(), ")");
  if (input.type.size() > kLongList) {
    extra["input_config"] = nullptr;
  } else {
    list = Shown(input.type);
  }
  return InputError("value_not_in_list", "Value not in list",
                    absl::StrCat(input.name, ": '", Shown(value), "' not in ", list),
                    std::move(extra));
}

}  // namespace

Json InputError(const std::string& type, const std::string& message, const std::string& details,
                Json extra_info) {
  return {{"type", type},
          {"message", message},
          {"details", details},
          {"extra_info", std::move(extra_info)}};
}

std::optional<Json> ConvertLiteral(const InputSpec& input, bool check_list, Json& value) {
  if (value.is_object() && value.contains("__value__")) value = Json(value["__value__"]);
  Json extra = {
      {"input_name", input.name}, {"input_config", input.Describe()}, {"received_value", value}};
  if (input.type.is_array()) {
    return check_list ? CheckList(input, std::move(extra), value) : std::nullopt;
  }
  const auto type = input.type.get<std::string>();
  const Json received = value;
  if (!Converted(type, value)) {
    const std::string reason = absl::StrCat(
        "invalid literal for ", type == "INT" ? "int()" : "float()", ": ", Shown(received));
    extra["exception_message"] = reason;
    return InputError("invalid_input_type",
                      absl::StrCat("Failed to convert an input value to a ", type, " value"),
                      absl::StrCat(input.name, ", ", Shown(received), ", ", reason),
                      std::move(extra));
  }
  extra["received_value"] = value;
  return type == "INT" || type == "FLOAT" ? CheckRange(input, extra, value) : std::nullopt;
}

}  // namespace patchbay::comfyui
