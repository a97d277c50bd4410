#ifndef PATCHBAY_HOST_PLUGINS_SETTING_ARRAY_H_
#define PATCHBAY_HOST_PLUGINS_SETTING_ARRAY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "host/plugins/plugin_settings.h"
#include "patchbay/abi/schema.h"

namespace patchbay {

// Where settings that name files and pictures find them. A missing function is an error only when a
// setting needs it.
struct SettingResources {
  // The absolute path of a file that requests may name.
  std::function<absl::StatusOr<std::string>(const std::string& name)> file;
  // RGBA, [1, 4, H, W] in 0..1, or where the field takes them [F, 4, H, W] of a clip's frames. The
  // pointer's deleter ends the handle.
  std::function<absl::StatusOr<std::shared_ptr<AtenTensorOpaque>>(const std::string& name,
                                                                  bool has_frames)>
      picture;
};

// Settings as a plugin's create() and actions take them. Owns what the array points to.
class SettingArray {
 public:
  // The errors of `resources`, with the field's name.
  static absl::StatusOr<SettingArray> Make(const PluginSettings& settings,
                                           const SettingResources& resources);

  SettingArray(SettingArray&&) noexcept;
  SettingArray& operator=(SettingArray&&) noexcept;
  ~SettingArray();

  const patchbay_value* data() const;
  uint32_t size() const;

 private:
  struct Storage;
  explicit SettingArray(std::unique_ptr<Storage> storage);

  std::unique_ptr<Storage> storage_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_SETTING_ARRAY_H_
