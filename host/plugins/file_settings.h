#ifndef PATCHBAY_HOST_PLUGINS_FILE_SETTINGS_H_
#define PATCHBAY_HOST_PLUGINS_FILE_SETTINGS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "host/plugins/plugin_description.h"

namespace patchbay {

// A setting whose value names a file.
struct FileSetting {
  std::string field;
  std::string file;  // its name
  bool is_picture = false;
  bool has_frames = false;  // a picture that may be a clip
};

// Whether the field's values name files: FILE, PICTURE.
bool NamesFile(const PluginField& field);

// Whether a picture's file may be a clip.
bool HasFrames(const PluginField& field);

// Those of the settings that name a file, in their order. Fields that there are not and empty
// values are passed over.
std::vector<FileSetting> FileSettingsOf(
    absl::Span<const PluginField> fields,
    absl::Span<const std::pair<std::string, std::string>> settings);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_FILE_SETTINGS_H_
