#ifndef PATCHBAY_HOST_PLUGINS_SETTINGS_TEXT_H_
#define PATCHBAY_HOST_PLUGINS_SETTINGS_TEXT_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace patchbay {

// Splits "field=value,field=value" into its pairs; see PluginSettings::Parse. Spaces around fields
// and values are dropped, except within quotes. INVALID_ARGUMENT says at which character it goes
// wrong.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> SplitSettings(
    std::string_view text);

// `value` as SplitSettings reads it: in quotes where it needs them.
std::string QuoteSetting(const std::string& value);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_SETTINGS_TEXT_H_
