#include "host/plugins/plugin_loader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/sha256.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

// Names what a verdict is about: trying compares the library with what its manifest says.
absl::StatusOr<std::string> TriedPair(const InstalledPlugin& plugin) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::string manifest,
                            Sha256OfFile(absl::StrCat(plugin.folder, "/", kManifestFileName)));
  return absl::StrCat(plugin.manifest.sha256, " ", manifest);
}

}  // namespace

absl::StatusOr<InstalledPlugin> PluginLoader::Place(const PluginCatalogue::Build& build) const {
  if (build.in_store || !options_.copies.has_value()) return build.plugin;
  PATCHBAY_ASSIGN_OR_RETURN(InstalledPlugin copy, options_.copies->Install(build.plugin.folder));
  if (copy.manifest.sha256 == build.plugin.manifest.sha256) return copy;
  return absl::FailedPreconditionError(
      absl::StrCat("plugin \"", build.plugin.manifest.description.id, "\" in ", build.plugin.folder,
                   " has been built anew since this process began; install the new build"));
}

absl::Status PluginLoader::Probe(const InstalledPlugin& plugin) {
  if (!options_.probe.has_value()) return absl::OkStatus();
  PATCHBAY_ASSIGN_OR_RETURN(const std::string tried, TriedPair(plugin));
  {
    const absl::MutexLock lock(&mutex_);
    const auto verdict = verdicts_.find(tried);
    if (verdict != verdicts_.end()) {
      return verdict->second.empty() ? absl::OkStatus()
                                     : absl::FailedPreconditionError(verdict->second);
    }
  }
  const absl::Status status = ProbePlugin(plugin, *options_.probe);
  // On a busy machine it may be in time when it is tried again.
  if (!status.ok() && !absl::IsFailedPrecondition(status)) return status;
  const ProbeVerdict verdict(status.message());
  {
    const absl::MutexLock lock(&mutex_);
    verdicts_[tried] = verdict;
  }
  on_verdict_(tried, verdict);
  return status;
}

absl::StatusOr<std::shared_ptr<const PluginLibrary>> PluginLoader::Load(
    const PluginCatalogue::Build& build) {
  const std::string& name = build.plugin.manifest.sha256;
  {
    const absl::MutexLock lock(&mutex_);
    const auto found = loaded_.find(name);
    if (found != loaded_.end()) return found->second;
  }
  PATCHBAY_ASSIGN_OR_RETURN(const InstalledPlugin plugin, Place(build));
  PATCHBAY_RETURN_IF_ERROR(Probe(plugin));
  absl::StatusOr<std::unique_ptr<PluginLibrary>> library = absl::InternalError("not loaded");
  control_.Run([&] { library = PluginLibrary::Load(plugin, ThisHostAbi()); });
  if (!library.ok()) return library.status();
  const absl::MutexLock lock(&mutex_);
  auto& place = loaded_[name];
  if (place == nullptr) place = *std::move(library);
  return place;
}

}  // namespace patchbay
