#include "bridges/webui/field_reader.h"

#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bridges/common/json_text.h"

namespace patchbay::webui {
namespace {

std::optional<int64_t> WholeNumber(const Json& value) {
  constexpr double kLimit = 9.2e18;
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  if (value.is_string()) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(value.get_ref<const std::string&>(), &number)) return std::nullopt;
    return number;
  }
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (number > uint64_t(std::numeric_limits<int64_t>::max())) return std::nullopt;
    return static_cast<int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const auto number = value.get<double>();
  if (std::abs(number) > kLimit) return std::nullopt;
  return static_cast<int64_t>(number);
}

std::optional<double> Number(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
  double number = 0;
  const bool is_number =
      value.is_string() && absl::SimpleAtod(value.get_ref<const std::string&>(), &number);
  return is_number ? std::optional(number) : std::nullopt;
}

std::optional<bool> Truth(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) {
    const auto number = value.get<double>();
    return number == 0 || number == 1 ? std::optional(number == 1) : std::nullopt;
  }
  if (!value.is_string()) return std::nullopt;
  const std::string text = absl::AsciiStrToLower(value.get_ref<const std::string&>());
  for (const char* yes : {"1", "on", "t", "true", "y", "yes"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"0", "off", "f", "false", "n", "no"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

}  // namespace

FieldReader::FieldReader(std::string_view text) {
  body_ = text.empty() ? Json::object() : ParseJsonText(text);
  if (body_.is_object()) return;
  const bool broken = body_.is_discarded();
  body_ = Json::object();
  errors_.push_back({{"loc", {"body"}},
                     {"msg", broken ? "the body is no JSON text" : "value is not a valid dict"},
                     {"type", broken ? "value_error.jsondecode" : "type_error.dict"}});
}

const Json* FieldReader::Find(const std::string& name) const {
  const auto found = body_.find(name);
  return found == body_.end() || found->is_null() ? nullptr : &*found;
}

void FieldReader::Complain(const std::string& name, const std::string& message,
                           const std::string& type) {
  errors_.push_back({{"loc", {"body", name}}, {"msg", message}, {"type", type}});
}

void FieldReader::Read(const std::string& name, bool& value) {
  const Json* found = Find(name);
  if (found == nullptr) return;
  if (const std::optional<bool> truth = Truth(*found); truth.has_value()) {
    value = *truth;
  } else {
    Complain(name, "value could not be parsed to a boolean", "type_error.bool");
  }
}

void FieldReader::Read(const std::string& name, int& value) {
  int64_t wide = value;
  Read(name, wide);
  if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max()) {
    return Complain(name, "the number is too large", "value_error.number");
  }
  value = static_cast<int>(wide);
}

void FieldReader::Read(const std::string& name, int64_t& value) {
  const Json* found = Find(name);
  if (found == nullptr) return;
  const auto number = WholeNumber(*found);
  if (!number.has_value()) {
    return Complain(name, "value is not a valid integer", "type_error.integer");
  }
  value = *number;
}

void FieldReader::Read(const std::string& name, double& value) {
  const Json* found = Find(name);
  if (found == nullptr) return;
  const std::optional<double> number = Number(*found);
  if (!number.has_value()) {
    return Complain(name, "value is not a valid float", "type_error.float");
  }
  value = *number;
}

void FieldReader::Read(const std::string& name, std::optional<double>& value) {
  double number = value.value_or(0);
  if (Find(name) == nullptr) return;
  Read(name, number);
  value = number;
}

void FieldReader::Read(const std::string& name, std::string& value) {
  const Json* found = Find(name);
  if (found == nullptr) return;
  if (found->is_number()) {
    value = found->dump();
  } else if (found->is_string()) {
    value = found->get<std::string>();
  } else {
    Complain(name, "str type expected", "type_error.str");
  }
}

void FieldReader::Read(const std::string& name, std::vector<std::string>& value) {
  const Json* found = Find(name);
  if (found == nullptr) return;
  if (!found->is_array()) return Complain(name, "value is not a valid list", "type_error.list");
  value.clear();
  for (const Json& item : *found) {
    if (!item.is_string()) return Complain(name, "str type expected", "type_error.str");
    value.push_back(item.get<std::string>());
  }
}

void FieldReader::Read(const std::string& name, Json& value, bool or_list) {
  const Json* found = Find(name);
  if (found == nullptr) return;
  if (found->is_object() || (or_list && found->is_array())) {
    value = *found;
  } else {
    Complain(name, "value is not a valid dict", "type_error.dict");
  }
}

void FieldReader::CheckRange(const std::string& name, double value, double low, double high) {
  if (value >= low && value <= high) return;
  const auto text = [](double number) { return Json(number).dump(); };
  Complain(name,
           absl::StrCat("the value is ", text(value), "; it must be from ", text(low), " to ",
                        text(high)),
           "value_error.number.not_in_range");
}

}  // namespace patchbay::webui
