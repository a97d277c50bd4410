#ifndef PATCHBAY_HOST_PLUGINS_PLUGIN_SETTINGS_H_
#define PATCHBAY_HOST_PLUGINS_PLUGIN_SETTINGS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/plugins/setting_value.h"

namespace patchbay {

struct PluginSetting {
  int32_t number = 0;
  std::string id;
  patchbay_field_type type = PATCHBAY_FIELD_BOOL;
  SettingValue value;
  bool has_frames = false;  // of a picture: it may be a clip

  bool operator==(const PluginSetting&) const = default;
};

// What someone wants a plugin to do: the values that differ from their defaults, each valid for the
// schema that it was checked against. Owns everything; any thread.
class PluginSettings {
 public:
  // All at their defaults.
  PluginSettings() = default;

  // From "field=value,field=value" as on the command line; "" is all defaults. A value that holds a
  // comma stands in double quotes, within which \" and \\ mean the character itself.
  // INVALID_ARGUMENT: an unknown field (with the nearest spelling), one that is named twice, a
  // value that its field does not accept.
  static absl::StatusOr<PluginSettings> Parse(absl::Span<const PluginField> fields,
                                              std::string_view text);
  // From (id, value) pairs, as requests have them; values are not quoted.
  static absl::StatusOr<PluginSettings> FromPairs(
      absl::Span<const PluginField> fields,
      absl::Span<const std::pair<std::string, std::string>> pairs);

  // The same settings in another version of the plugin. `notes` says for people what could not stay
  // as it was: fields that are gone, values that are out of the new range and were moved to its
  // end, values that mean nothing any more and are now at their default.
  struct CarriedOver;
  CarriedOver CarryOver(absl::Span<const PluginField> fields) const;

  // In the order of the fields' numbers.
  const std::vector<PluginSetting>& values() const { return values_; }
  // The one text for these settings: Parse reads it back, and equal settings have equal texts.
  std::string CanonicalText() const;

  bool operator==(const PluginSettings&) const = default;

 private:
  void Add(const PluginField& field, SettingValue value);

  std::vector<PluginSetting> values_;
};

struct PluginSettings::CarriedOver {
  PluginSettings settings;
  std::vector<std::string> notes;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_PLUGIN_SETTINGS_H_
