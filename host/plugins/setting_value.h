#ifndef PATCHBAY_HOST_PLUGINS_SETTING_VALUE_H_
#define PATCHBAY_HOST_PLUGINS_SETTING_VALUE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "host/plugins/plugin_description.h"

namespace patchbay {

// A setting's value. Strings: STRING, CHOICE (the choice's id), FILE and PICTURE (the name of a
// file that comes with the request or lies in the host's folder, see PluginFiles; "" for none).
using SettingValue =
    std::variant<bool, int64_t, double, std::string, std::vector<int64_t>, std::vector<double>>;

// Reads what a user wrote for `field`: "true" (also on, yes, 1), "7", "0.7", "1/2/3", a choice's
// id, any text. INVALID_ARGUMENT names the field and what it accepts: wrong type, outside of the
// range, not a choice, too long, a file name with folders in it.
absl::StatusOr<SettingValue> ParseSettingValue(const PluginField& field, std::string_view text);

// The one spelling that each value has; ParseSettingValue reads it back as the same value.
std::string FormatSettingValue(const SettingValue& value);

// The field's default, which CheckDescription has found valid.
SettingValue DefaultSettingValue(const PluginField& field);

// Whether minimum, maximum and their kin mean something for the field.
bool HasRange(const PluginField& field);

// `value` moved into the field's range; the same value where it already is, or where there is no
// range.
SettingValue ClampSettingValue(const PluginField& field, SettingValue value);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_SETTING_VALUE_H_
