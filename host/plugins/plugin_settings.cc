#include "host/plugins/plugin_settings.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "host/base/spelling.h"
#include "host/base/status_macros.h"
#include "host/plugins/file_settings.h"
#include "host/plugins/settings_text.h"

namespace patchbay {
namespace {

const PluginField* FindField(absl::Span<const PluginField> fields, std::string_view id) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [id](const PluginField& field) { return field.id == id; });
  return found == fields.end() ? nullptr : &*found;
}

absl::Status UnknownField(absl::Span<const PluginField> fields, const std::string& id) {
  if (fields.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no setting \"", id, "\": this plugin has no settings"));
  }
  std::vector<std::string> ids;
  std::string listed;
  for (const PluginField& field : fields) {
    ids.push_back(field.id);
    absl::StrAppend(&listed, listed.empty() ? "" : ", ", field.id);
  }
  const std::string nearest = NearestSpelling(id.substr(0, 255), ids);
  return absl::InvalidArgumentError(
      absl::StrCat("there is no setting \"", id.substr(0, 255), "\"",
                   nearest.empty() ? "" : absl::StrCat("; did you mean \"", nearest, "\"?"),
                   nearest.empty() ? "; there are: " : " There are: ", listed));
}

// The old value in the new field's type and range. Sets `note` unless it is the same.
SettingValue Converted(const PluginSetting& old, const PluginField& field, std::string& note) {
  const std::string text = FormatSettingValue(old.value);
  PluginField unlimited = field;
  unlimited.minimum = -std::numeric_limits<double>::infinity();
  unlimited.maximum = std::numeric_limits<double>::infinity();
  const absl::StatusOr<SettingValue> read = ParseSettingValue(unlimited, text);
  if (!read.ok()) {
    note = absl::StrCat("\"", text, "\" means nothing to this version; it is now \"",
                        field.default_text, "\", its default");
    return DefaultSettingValue(field);
  }
  SettingValue value = ClampSettingValue(field, *read);
  if (value != *read) {
    note = absl::StrCat(text, " is outside of this version's range; it is now ",
                        FormatSettingValue(value));
  }
  return value;
}

}  // namespace

void PluginSettings::Add(const PluginField& field, SettingValue value) {
  if (value == DefaultSettingValue(field)) return;
  const auto place = std::lower_bound(
      values_.begin(), values_.end(), field.number,
      [](const PluginSetting& setting, int32_t number) { return setting.number < number; });
  values_.insert(place, {field.number, field.id, field.type, std::move(value), HasFrames(field)});
}

absl::StatusOr<PluginSettings> PluginSettings::FromPairs(
    absl::Span<const PluginField> fields,
    absl::Span<const std::pair<std::string, std::string>> pairs) {
  PluginSettings settings;
  std::vector<const PluginField*> seen;
  for (const auto& [id, text] : pairs) {
    const PluginField* const field = FindField(fields, id);
    if (field == nullptr) return UnknownField(fields, id);
    if (std::find(seen.begin(), seen.end(), field) != seen.end()) {
      return absl::InvalidArgumentError(absl::StrCat("setting \"", id, "\" is given twice"));
    }
    seen.push_back(field);
    PATCHBAY_ASSIGN_OR_RETURN(SettingValue value, ParseSettingValue(*field, text));
    settings.Add(*field, std::move(value));
  }
  return settings;
}

absl::StatusOr<PluginSettings> PluginSettings::Parse(absl::Span<const PluginField> fields,
                                                     std::string_view text) {
  PATCHBAY_ASSIGN_OR_RETURN(const auto pairs, SplitSettings(text));
  return FromPairs(fields, pairs);
}

PluginSettings::CarriedOver PluginSettings::CarryOver(absl::Span<const PluginField> fields) const {
  CarriedOver result;
  for (const PluginSetting& old : values_) {
    const PluginField* const field = FindField(fields, old.id);
    if (field == nullptr) {
      result.notes.push_back(
          absl::StrCat("setting \"", old.id, "\": this version does not have it; left out"));
      continue;
    }
    std::string note;
    result.settings.Add(*field, Converted(old, *field, note));
    if (!note.empty()) result.notes.push_back(absl::StrCat("setting \"", old.id, "\": ", note));
  }
  return result;
}

std::string PluginSettings::CanonicalText() const {
  std::string text;
  for (const PluginSetting& setting : values_) {
    absl::StrAppend(&text, text.empty() ? "" : ",", setting.id, "=",
                    QuoteSetting(FormatSettingValue(setting.value)));
  }
  return text;
}

}  // namespace patchbay
