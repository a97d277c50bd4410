#include "host/plugins/schema_check.h"

#include <cmath>
#include <set>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/plugins/setting_value.h"
#include "patchbay/schema_names.h"

namespace patchbay {
namespace {

constexpr size_t kMaxIdBytes = 64;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }

// Lower case letters, digits and single separators between them, a letter first.
bool IsId(std::string_view text, char separator) {
  if (text.empty() || text.size() > kMaxIdBytes || !IsLower(text.front())) return false;
  char before = separator;
  for (const char c : text) {
    if (!IsLower(c) && !IsDigit(c) && c != separator) return false;
    if (c == separator && before == separator) return false;
    before = c;
  }
  return before != separator;
}

// "1.2.0"
bool IsVersion(std::string_view text) {
  int parts = 0;
  while (true) {
    size_t digits = 0;
    while (digits < text.size() && IsDigit(text[digits])) ++digits;
    if (digits == 0 || digits > 9 || (digits > 1 && text.front() == '0')) return false;
    ++parts;
    if (digits == text.size()) return parts == 3;
    if (text[digits] != '.' || parts == 3) return false;
    text.remove_prefix(digits + 1);
  }
}

absl::Status Wrong(const std::string& where, const std::string& message) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", message));
}

absl::Status CheckRange(const PluginField& field, const std::string& where) {
  if (!sdk::has_range(field.type)) return absl::OkStatus();
  for (const double limit :
       {field.minimum, field.maximum, field.soft_minimum, field.soft_maximum, field.step}) {
    if (!std::isfinite(limit)) return Wrong(where, "its range is not finite");
  }
  if (field.minimum > field.maximum) return Wrong(where, "its minimum is above its maximum");
  if (field.soft_minimum < field.minimum || field.soft_maximum > field.maximum ||
      field.soft_minimum > field.soft_maximum) {
    return Wrong(where, "its soft range is not within its range");
  }
  if (field.step < 0.0) return Wrong(where, "its step is negative");
  return absl::OkStatus();
}

absl::Status CheckChoices(const PluginField& field, const std::string& where) {
  if (field.type != PATCHBAY_FIELD_CHOICE) {
    return field.choices.empty() ? absl::OkStatus() : Wrong(where, "only a choice has choices");
  }
  if (field.choices.empty()) return Wrong(where, "it has no choices");
  std::set<std::string> ids;
  for (const FieldChoice& choice : field.choices) {
    if (choice.id.empty() || choice.id.size() > kMaxIdBytes) {
      return Wrong(where, "a choice's id is empty or longer than 64 bytes");
    }
    if (!ids.insert(choice.id).second) {
      return Wrong(where, absl::StrCat("choice \"", choice.id, "\" is there twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckField(const PluginField& field, const std::string& where) {
  if (!IsId(field.id, '_')) {
    return Wrong(where, "a field's id must be lower case letters, digits and \"_\", at most 64");
  }
  if (field.number <= 0) return Wrong(where, "its number must be positive");
  if (sdk::schema_name(sdk::kFieldTypeNames, field.type) == nullptr) {
    return Wrong(where, absl::StrCat("type ", field.type, " has no meaning"));
  }
  if (sdk::schema_name(sdk::kUnitNames, field.unit) == nullptr) {
    return Wrong(where, absl::StrCat("unit ", field.unit, " has no meaning"));
  }
  PATCHBAY_RETURN_IF_ERROR(CheckRange(field, where));
  PATCHBAY_RETURN_IF_ERROR(CheckChoices(field, where));
  const bool is_reference =
      field.type == PATCHBAY_FIELD_PICTURE || field.type == PATCHBAY_FIELD_FILE;
  if ((field.flags & PATCHBAY_FIELD_FRAMES) != 0 && field.type != PATCHBAY_FIELD_PICTURE) {
    return Wrong(where, "only a picture has frames");
  }
  if (is_reference && !field.default_text.empty()) {
    return Wrong(where, "a picture or a file has no default but \"\"");
  }
  if (const auto value = ParseSettingValue(field, field.default_text); !value.ok()) {
    return Wrong(where, absl::StrCat("its default is not valid: ", value.status().message()));
  }
  return absl::OkStatus();
}

absl::Status CheckCondition(const PluginField& field, const std::vector<PluginField>& fields,
                            const std::string& where) {
  if (field.visible_if.empty()) return absl::OkStatus();
  const size_t equals = field.visible_if.find('=');
  const std::string id = field.visible_if.substr(0, equals);
  for (const PluginField& other : fields) {
    if (equals == std::string::npos || other.id != id || other.id == field.id) continue;
    const auto value = ParseSettingValue(other, field.visible_if.substr(equals + 1));
    if (value.ok()) return absl::OkStatus();
    return Wrong(where, absl::StrCat("visible_if: ", value.status().message()));
  }
  return Wrong(where, absl::StrCat("visible_if is \"", field.visible_if,
                                   "\"; it must be field=value with another field"));
}

absl::Status CheckFields(const std::vector<PluginField>& fields, const std::string& where) {
  std::set<std::string> ids;
  std::set<int32_t> numbers;
  for (const PluginField& field : fields) {
    const std::string here =
        absl::StrCat(where, ", field \"", field.id.substr(0, kMaxIdBytes), "\"");
    PATCHBAY_RETURN_IF_ERROR(CheckField(field, here));
    if (!ids.insert(field.id).second) return Wrong(here, "it is there twice");
    if (!numbers.insert(field.number).second) {
      return Wrong(here, absl::StrCat("number ", field.number, " is another field's"));
    }
  }
  // Last, since they read other fields.
  for (const PluginField& field : fields) {
    PATCHBAY_RETURN_IF_ERROR(
        CheckCondition(field, fields, absl::StrCat(where, ", field \"", field.id, "\"")));
  }
  return absl::OkStatus();
}

absl::Status CheckOtherPlugins(const PluginDescription& description, const std::string& where) {
  for (const auto* list : {&description.before, &description.after, &description.conflicts}) {
    for (const std::string& id : *list) {
      if (!IsId(id, '-')) return Wrong(where, absl::StrCat("\"", id, "\" is not a plugin's id"));
      if (id == description.id)
        return Wrong(where, "it names itself in before, after or conflicts");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckActions(const PluginDescription& description, const std::string& where) {
  std::set<std::string> ids;
  for (const PluginAction& action : description.actions) {
    const std::string here =
        absl::StrCat(where, ", action \"", action.id.substr(0, kMaxIdBytes), "\"");
    if (!IsId(action.id, '-')) {
      return Wrong(here, "an action's id must be lower case letters, digits and \"-\", at most 64");
    }
    if (!ids.insert(action.id).second) return Wrong(here, "it is there twice");
    PATCHBAY_RETURN_IF_ERROR(CheckFields(action.fields, here));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckDescription(const PluginDescription& description) {
  const std::string where = absl::StrCat("plugin \"", description.id.substr(0, kMaxIdBytes), "\"");
  if (!IsId(description.id, '-')) {
    return Wrong(where, "a plugin's id must be lower case letters, digits and \"-\", at most 64");
  }
  if (!IsVersion(description.version)) {
    return Wrong(where, absl::StrCat("version \"", description.version.substr(0, kMaxIdBytes),
                                     "\" must be three numbers, as in 1.2.0"));
  }
  if (sdk::schema_name(sdk::kPhaseNames, description.phase) == nullptr) {
    return Wrong(where, absl::StrCat("phase ", description.phase, " has no meaning"));
  }
  for (const patchbay_model_family family : description.families) {
    if (sdk::schema_name(sdk::kFamilyNames, family) == nullptr) {
      return Wrong(where, absl::StrCat("model family ", family, " has no meaning"));
    }
  }
  for (const std::string& hook : description.required_hooks) {
    if (hook.empty()) return Wrong(where, "a required hook's id is empty");
  }
  PATCHBAY_RETURN_IF_ERROR(CheckOtherPlugins(description, where));
  PATCHBAY_RETURN_IF_ERROR(CheckFields(description.fields, where));
  return CheckActions(description, where);
}

}  // namespace patchbay
