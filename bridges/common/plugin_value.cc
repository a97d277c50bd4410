#include "bridges/common/plugin_value.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace patchbay {
namespace {

bool IsWhole(const Json& value) {
  constexpr double kLimit = 9e15;
  if (value.is_number_integer()) return true;
  if (!value.is_number_float()) return false;
  const auto number = value.get<double>();
  return number == std::floor(number) && std::abs(number) < kLimit;
}

absl::Status Misfit(const v1::Parameter& parameter, const char* wanted, const Json& value) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", parameter.id(), "\" takes ", wanted, ", not ",
                   value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 80)));
}

absl::StatusOr<v1::ParameterValue> ListOfJson(const v1::Parameter& parameter, const Json& value) {
  v1::ParameterValue result;
  if (value.is_string()) {
    result.set_typed_value(value.get<std::string>());
    return result;
  }
  if (!value.is_array()) {
    return Misfit(parameter, "a list, or its values with '/' between them", value);
  }
  const bool whole = parameter.type() == v1::PARAMETER_TYPE_INT_LIST;
  result.mutable_list_value();
  for (const Json& item : value) {
    v1::ParameterValue& added = *result.mutable_list_value()->add_values();
    if (whole && IsWhole(item)) {
      added.set_int_value(static_cast<int64_t>(item.get<double>()));
    } else if (!whole && item.is_number()) {
      added.set_double_value(item.get<double>());
    } else {
      return Misfit(parameter, whole ? "whole numbers" : "numbers", item);
    }
  }
  return result;
}

}  // namespace

Json JsonOfValue(const v1::ParameterValue& value) {
  switch (value.kind_case()) {
    case v1::ParameterValue::kBoolValue:
      return value.bool_value();
    case v1::ParameterValue::kIntValue:
      return value.int_value();
    case v1::ParameterValue::kDoubleValue:
      return value.double_value();
    case v1::ParameterValue::kStringValue:
      return value.string_value();
    case v1::ParameterValue::kTypedValue:
      return value.typed_value();
    case v1::ParameterValue::kArtifactId:
      return value.artifact_id();
    case v1::ParameterValue::kListValue: {
      std::vector<std::string> parts;
      for (const v1::ParameterValue& item : value.list_value().values()) {
        const Json part = JsonOfValue(item);
        parts.push_back(part.is_string() ? part.get<std::string>() : part.dump());
      }
      return absl::StrJoin(parts, "/");
    }
    case v1::ParameterValue::KIND_NOT_SET:
      break;
  }
  return nullptr;
}

absl::StatusOr<v1::ParameterValue> ValueOfJson(const v1::Parameter& parameter, const Json& value) {
  v1::ParameterValue result;
  switch (parameter.type()) {
    case v1::PARAMETER_TYPE_BOOL:
      if (value.is_boolean()) {
        result.set_bool_value(value.get<bool>());
      } else if (value == 0 || value == 1) {
        result.set_bool_value(value == 1);
      } else {
        return Misfit(parameter, "true or false", value);
      }
      return result;
    case v1::PARAMETER_TYPE_INT:
      if (!IsWhole(value)) return Misfit(parameter, "a whole number", value);
      result.set_int_value(value.is_number_integer() ? value.get<int64_t>()
                                                     : static_cast<int64_t>(value.get<double>()));
      return result;
    case v1::PARAMETER_TYPE_DOUBLE:
      if (!value.is_number()) return Misfit(parameter, "a number", value);
      result.set_double_value(value.get<double>());
      return result;
    case v1::PARAMETER_TYPE_INT_LIST:
    case v1::PARAMETER_TYPE_DOUBLE_LIST:
      return ListOfJson(parameter, value);
    case v1::PARAMETER_TYPE_PICTURE:
      if (!value.is_string()) return Misfit(parameter, "a picture", value);
      result.set_artifact_id(value.get<std::string>());
      return result;
    default:
      if (!value.is_string()) return Misfit(parameter, "a text", value);
      result.set_string_value(value.get<std::string>());
      return result;
  }
}

}  // namespace patchbay
