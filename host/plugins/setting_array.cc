#include "host/plugins/setting_array.h"

#include <deque>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {

struct SettingArray::Storage {
  PluginSettings settings;
  std::deque<std::string> paths;
  std::vector<std::shared_ptr<AtenTensorOpaque>> pictures;
  std::vector<patchbay_value> values;

  absl::Status Add(const PluginSetting& setting, const SettingResources& resources);
  absl::Status AddFile(const std::string& name, const SettingResources& resources,
                       patchbay_value& value);
  absl::Status AddPicture(const std::string& name, bool has_frames,
                          const SettingResources& resources, patchbay_value& value);
};

absl::Status SettingArray::Storage::AddFile(const std::string& name,
                                            const SettingResources& resources,
                                            patchbay_value& value) {
  value.text = "";
  if (name.empty()) return absl::OkStatus();
  if (!resources.file) return absl::FailedPreconditionError("this host has no folder for files");
  PATCHBAY_ASSIGN_OR_RETURN(std::string path, resources.file(name));
  value.text = paths.emplace_back(std::move(path)).c_str();
  return absl::OkStatus();
}

absl::Status SettingArray::Storage::AddPicture(const std::string& name, bool has_frames,
                                               const SettingResources& resources,
                                               patchbay_value& value) {
  if (name.empty()) return absl::OkStatus();
  if (!resources.picture) return absl::FailedPreconditionError("pictures cannot be given here");
  PATCHBAY_ASSIGN_OR_RETURN(std::shared_ptr<AtenTensorOpaque> picture,
                            resources.picture(name, has_frames));
  value.picture = pictures.emplace_back(std::move(picture)).get();
  return absl::OkStatus();
}

absl::Status SettingArray::Storage::Add(const PluginSetting& setting,
                                        const SettingResources& resources) {
  patchbay_value value{};
  value.struct_size = sizeof(value);
  value.number = setting.number;
  value.type = setting.type;
  if (const auto* flag = std::get_if<bool>(&setting.value)) value.integer = *flag ? 1 : 0;
  if (const auto* number = std::get_if<int64_t>(&setting.value)) value.integer = *number;
  if (const auto* number = std::get_if<double>(&setting.value)) value.real = *number;
  if (const auto* list = std::get_if<std::vector<int64_t>>(&setting.value)) {
    value.ints = list->data();
    value.count = static_cast<uint32_t>(list->size());
  }
  if (const auto* list = std::get_if<std::vector<double>>(&setting.value)) {
    value.reals = list->data();
    value.count = static_cast<uint32_t>(list->size());
  }
  absl::Status status;
  if (const auto* text = std::get_if<std::string>(&setting.value)) {
    value.text = text->c_str();
    if (setting.type == PATCHBAY_FIELD_FILE) status = AddFile(*text, resources, value);
    if (setting.type == PATCHBAY_FIELD_PICTURE) {
      status = AddPicture(*text, setting.has_frames, resources, value);
    }
  }
  values.push_back(value);
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat("setting \"", setting.id, "\": ", status.message()));
}

absl::StatusOr<SettingArray> SettingArray::Make(const PluginSettings& settings,
                                                const SettingResources& resources) {
  auto storage = std::make_unique<Storage>();
  storage->settings = settings;
  for (const PluginSetting& setting : storage->settings.values()) {
    PATCHBAY_RETURN_IF_ERROR(storage->Add(setting, resources));
  }
  return SettingArray(std::move(storage));
}

SettingArray::SettingArray(std::unique_ptr<Storage> storage) : storage_(std::move(storage)) {}
SettingArray::SettingArray(SettingArray&&) noexcept = default;
SettingArray& SettingArray::operator=(SettingArray&&) noexcept = default;
SettingArray::~SettingArray() = default;

const patchbay_value* SettingArray::data() const { return storage_->values.data(); }
uint32_t SettingArray::size() const { return static_cast<uint32_t>(storage_->values.size()); }

}  // namespace patchbay
