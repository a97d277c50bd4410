#ifndef PATCHBAY_HOST_PLUGINS_PLUGIN_FILES_H_
#define PATCHBAY_HOST_PLUGINS_PLUGIN_FILES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/plugins/file_settings.h"
#include "host/plugins/setting_array.h"
#include "host/runtime/pipeline/chosen_plugin.h"

namespace patchbay {

// The files that settings of the types FILE and PICTURE can name: those that come with a request,
// and those in the host's folder for such files where the request has none of the name. Any thread.
class PluginFiles {
 public:
  // folder: empty for none.
  PluginFiles(absl::Span<const PluginFile> from_request, std::string folder)
      : from_request_(from_request.begin(), from_request.end()), folder_(std::move(folder)) {}

  // INVALID_ARGUMENT when nobody has a file of this name, or when what has it is no regular file or
  // a symbolic link that leads out of the folder.
  absl::StatusOr<PluginFile> Find(const std::string& name) const;

  // Whether the setting's file is there, and is a picture where it must be one. INVALID_ARGUMENT
  // names the field.
  absl::Status Check(const FileSetting& setting) const;

  // What tells the setting's file from others, also from what has been under its name before.
  absl::StatusOr<std::string> IdentityOf(const FileSetting& setting) const;

  // For SettingArray::Make. Pictures become tensors on the CPU. It may outlive this.
  SettingResources Resources() const;

 private:
  const std::vector<PluginFile> from_request_;
  const std::string folder_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_PLUGIN_FILES_H_
