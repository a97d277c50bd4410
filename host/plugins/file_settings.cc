#include "host/plugins/file_settings.h"

#include <algorithm>

namespace patchbay {

bool NamesFile(const PluginField& field) {
  return field.type == PATCHBAY_FIELD_FILE || field.type == PATCHBAY_FIELD_PICTURE;
}

bool HasFrames(const PluginField& field) { return (field.flags & PATCHBAY_FIELD_FRAMES) != 0; }

std::vector<FileSetting> FileSettingsOf(
    absl::Span<const PluginField> fields,
    absl::Span<const std::pair<std::string, std::string>> settings) {
  std::vector<FileSetting> found;
  for (const auto& [id, value] : settings) {
    const auto field =
        std::find_if(fields.begin(), fields.end(),
                     [&id = id](const PluginField& candidate) { return candidate.id == id; });
    if (field == fields.end() || !NamesFile(*field) || value.empty()) continue;
    found.push_back({id, value, field->type == PATCHBAY_FIELD_PICTURE, HasFrames(*field)});
  }
  return found;
}

}  // namespace patchbay
