#include "host/engine/jobs/plugin_administration.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/status_macros.h"
#include "host/engine/jobs/error_reason.h"
#include "host/engine/jobs/plugin_error.h"
#include "host/engine/jobs/request_field.h"
#include "host/plugins/manifest.h"
#include "host/plugins/plugin_host.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr size_t kRemembered = 1000;
constexpr size_t kMaxRequestIdBytes = 128;

std::string TextOf(const SettingPairs& settings) {
  SettingPairs sorted = settings;
  std::sort(sorted.begin(), sorted.end());
  return absl::StrJoin(sorted, "\n", absl::PairFormatter("="));
}

absl::Status CheckThere(const std::string& field, const std::string& value) {
  if (!value.empty()) return absl::OkStatus();
  return WithDetails(absl::InvalidArgumentError(absl::StrCat(field, " is missing")),
                     {std::string(error_reason::kInvalidSettings), {{"field", field}}, {}});
}

}  // namespace

std::vector<PluginStatus> PluginAdministration::List() const { return plugins_->Builds(); }

absl::StatusOr<PluginStatus> PluginAdministration::Find(const std::string& id,
                                                        const std::string& build) const {
  auto found = plugins_->Find(id, build);
  if (!found.ok()) return AboutPlugin(found.status(), id);
  return found;
}

absl::StatusOr<PluginStatus> PluginAdministration::Once(
    const std::string& request_id, const std::string& call,
    const std::function<absl::StatusOr<PluginStatus>()>& change) {
  if (request_id.size() > kMaxRequestIdBytes) {
    return WithReason(
        absl::InvalidArgumentError(absl::StrCat("the request_id has ", request_id.size(),
                                                " bytes; it may have ", kMaxRequestIdBytes)),
        error_reason::kInvalidSettings);
  }
  const std::lock_guard lock(mutex_);
  if (!request_id.empty()) {
    const auto known =
        std::find_if(answered_.begin(), answered_.end(),
                     [&](const Answered& answered) { return answered.request_id == request_id; });
    if (known != answered_.end()) {
      if (known->call == call) return known->answer;
      return WithReason(
          absl::AlreadyExistsError("the request_id was used for another change; use a new one"),
          error_reason::kRequestIdReused);
    }
  }
  PATCHBAY_ASSIGN_OR_RETURN(PluginStatus answer, change());
  if (!request_id.empty()) answered_.push_front({request_id, call, answer});
  if (answered_.size() > kRemembered) answered_.pop_back();
  return answer;
}

absl::StatusOr<PluginStatus> PluginAdministration::InstallFrom(const std::string& manifest_path,
                                                               const std::string& library_path) {
  PATCHBAY_ASSIGN_OR_RETURN(const PluginManifest manifest, ReadManifest(manifest_path));
  std::string folder = absl::StrCat(work_folder_, "/install-XXXXXX");
  if (mkdtemp(folder.data()) == nullptr) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot make a folder in ", work_folder_));
  }
  std::error_code error;
  const auto remove = absl::MakeCleanup([&folder, &error] { fs::remove_all(folder, error); });
  fs::create_symlink(manifest_path, fs::path(folder) / kManifestFileName, error);
  // The manifest's reader has seen to it that this is a plain file name.
  if (!error) fs::create_symlink(library_path, fs::path(folder) / manifest.library, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot fill ", folder));
  absl::StatusOr<PluginStatus> installed = plugins_->Install(folder);
  if (!installed.ok()) return AboutPlugin(installed.status(), manifest.description.id);
  return installed;
}

absl::StatusOr<PluginStatus> PluginAdministration::Install(const std::string& manifest_artifact,
                                                           const std::string& library_artifact,
                                                           const std::string& request_id) {
  PATCHBAY_RETURN_IF_ERROR(CheckThere("manifest_artifact_id", manifest_artifact));
  PATCHBAY_RETURN_IF_ERROR(CheckThere("library_artifact_id", library_artifact));
  PATCHBAY_ASSIGN_OR_RETURN(const std::string manifest, artifacts_.PathOf(manifest_artifact));
  PATCHBAY_ASSIGN_OR_RETURN(const std::string library, artifacts_.PathOf(library_artifact));
  return Once(request_id, absl::StrCat("install ", manifest_artifact, " ", library_artifact),
              [&]() -> absl::StatusOr<PluginStatus> {
                auto installed = InstallFrom(manifest, library);
                if (installed.ok() || !DetailsOf(installed.status()).reason.empty()) {
                  return installed;
                }
                return WithReason(installed.status(), error_reason::kPluginRefused);
              });
}

absl::StatusOr<PluginStatus> PluginAdministration::Activate(const std::string& id,
                                                            const std::string& build,
                                                            const SettingPairs& settings,
                                                            const std::string& request_id) {
  PATCHBAY_RETURN_IF_ERROR(CheckThere("plugin_id", id));
  return Once(request_id, absl::StrCat("activate ", id, " ", build, "\n", TextOf(settings)),
              [&]() -> absl::StatusOr<PluginStatus> {
                auto plugin = plugins_->Activate(id, build, settings);
                if (!plugin.ok()) return AboutPlugin(plugin.status(), id);
                return plugin;
              });
}

absl::StatusOr<PluginStatus> PluginAdministration::RollBack(const std::string& id,
                                                            const std::string& request_id) {
  PATCHBAY_RETURN_IF_ERROR(CheckThere("plugin_id", id));
  return Once(request_id, absl::StrCat("roll back ", id), [&]() -> absl::StatusOr<PluginStatus> {
    auto plugin = plugins_->RollBack(id);
    if (!plugin.ok()) return AboutPlugin(plugin.status(), id);
    return plugin;
  });
}

absl::StatusOr<PluginStatus> PluginAdministration::Retire(const std::string& id,
                                                          const std::string& request_id) {
  PATCHBAY_RETURN_IF_ERROR(CheckThere("plugin_id", id));
  return Once(request_id, absl::StrCat("retire ", id), [&]() -> absl::StatusOr<PluginStatus> {
    auto plugin = plugins_->Retire(id);
    if (!plugin.ok()) return AboutPlugin(plugin.status(), id);
    return plugin;
  });
}

absl::StatusOr<std::vector<PluginStatus>> PluginAdministration::SetOrder(
    const std::vector<std::string>& ids) {
  const std::lock_guard lock(mutex_);
  auto active = plugins_->SetOrder(ids);
  // What else can go wrong, such as a full disk, is not the argument's fault.
  const bool is_argument =
      absl::IsInvalidArgument(active.status()) || absl::IsNotFound(active.status());
  if (is_argument) return AboutRequestField("plugin_ids", active.status());
  return active;
}

}  // namespace patchbay
