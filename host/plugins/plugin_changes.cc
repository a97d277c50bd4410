// What operators do to a PluginHost: install, activate, roll back, retire.

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "host/base/status_macros.h"
#include "host/plugins/chain.h"
#include "host/plugins/plugin_host_state.h"

namespace patchbay {
namespace {

SettingPairs PairsOf(const PluginSettings& settings) {
  SettingPairs pairs;
  for (const PluginSetting& setting : settings.values()) {
    pairs.emplace_back(setting.id, FormatSettingValue(setting.value));
  }
  return pairs;
}

// What the former build acted with, as far as the new one's schema has it, below what is given.
absl::StatusOr<PluginSettings> MergedSettings(const std::vector<PluginField>& fields,
                                              const PluginSettings& former,
                                              const SettingPairs& given) {
  SettingPairs pairs = given;
  for (const auto& [field, value] : PairsOf(former.CarryOver(fields).settings)) {
    const bool overridden = std::any_of(given.begin(), given.end(),
                                        [&](const auto& pair) { return pair.first == field; });
    if (!overridden) pairs.emplace_back(field, value);
  }
  return PluginSettings::FromPairs(fields, pairs);
}

absl::Status NothingCanBeKept() {
  return absl::FailedPreconditionError(
      "this host has no folder to keep plugins in; serve with --data");
}

}  // namespace

absl::StatusOr<PluginStatus> PluginHost::Install(const std::string& plugin_folder) {
  if (!state_->store.has_value()) return NothingCanBeKept();
  const absl::MutexLock one_at_a_time(&state_->change_mutex);
  PATCHBAY_ASSIGN_OR_RETURN(
      InstalledPlugin plugin,
      state_->store->Install(plugin_folder, [this](const InstalledPlugin& copy) {
        return state_->loader->Probe(copy);
      }));
  const absl::MutexLock lock(&state_->mutex);
  PluginCatalogue::Build build{std::move(plugin), absl::Now(), true};
  state_->catalogue.AddNewest(build);
  return state_->StatusOf(build);
}

absl::StatusOr<PluginStatus> PluginHost::Activate(const std::string& id, const std::string& digits,
                                                  const SettingPairs& settings) {
  if (!state_->store.has_value()) return NothingCanBeKept();
  const absl::MutexLock one_at_a_time(&state_->change_mutex);
  PluginCatalogue::Build build;
  PluginSettings former;
  {
    const absl::MutexLock lock(&state_->mutex);
    const PluginCatalogue& catalogue = state_->catalogue;
    PATCHBAY_ASSIGN_OR_RETURN(build, catalogue.Find(id, digits));
    if (digits.empty()) build = catalogue.plugins().at(id).front();
    if (const PluginRecords::Activation* const active = catalogue.Active(id); active != nullptr) {
      PATCHBAY_ASSIGN_OR_RETURN(const auto acting, catalogue.Find(id, active->build));
      PATCHBAY_ASSIGN_OR_RETURN(
          former,
          PluginSettings::FromPairs(acting.plugin.manifest.description.fields, active->settings));
    }
  }
  ChainEntry entry;
  absl::StatusOr<PluginSettings> merged =
      MergedSettings(build.plugin.manifest.description.fields, former, settings);
  if (!merged.ok()) {
    return absl::Status(merged.status().code(),
                        absl::StrCat("plugin ", id, ": ", merged.status().message()));
  }
  entry.settings = *std::move(merged);
  if (!build.in_store) {
    // It stays what was activated whatever becomes of the folder that it was found in.
    const std::string wanted = build.plugin.manifest.sha256;
    PATCHBAY_ASSIGN_OR_RETURN(build.plugin, state_->store->Install(build.plugin.folder));
    if (build.plugin.manifest.sha256 != wanted) {
      return absl::FailedPreconditionError(
          absl::StrCat("plugin ", id,
                       " has been built anew since this process began; install the "
                       "new build"));
    }
    build.in_store = true;
  }
  PATCHBAY_ASSIGN_OR_RETURN(entry.library, state_->loader->Load(build));
  absl::Status made;
  const SettingResources resources = FilesFor({}).Resources();
  state_->control.Run([&] {
    const c10::InferenceMode inference_mode;
    made = Chain::TryMake(entry, state_->monitor, resources);
  });
  PATCHBAY_RETURN_IF_ERROR(made);
  const std::string& name = build.plugin.manifest.sha256;
  PATCHBAY_RETURN_IF_ERROR(state_->Change([&](PluginCatalogue& catalogue) {
    catalogue.records().quarantine.erase(name);
    catalogue.records().unexplained_ends.erase(name);
    catalogue.Replace(build);
    return catalogue.Activate(id, {name, PairsOf(entry.settings)});
  }));
  state_->monitor.Resume(name);
  const absl::MutexLock lock(&state_->mutex);
  return state_->StatusOf(build);
}

absl::StatusOr<PluginStatus> PluginHost::RollBack(const std::string& id) {
  const absl::MutexLock one_at_a_time(&state_->change_mutex);
  const auto roll_back = [&id](PluginCatalogue& catalogue) -> absl::Status {
    PATCHBAY_RETURN_IF_ERROR(catalogue.Find(id).status());
    return catalogue.RollBack(id);
  };
  PATCHBAY_RETURN_IF_ERROR(state_->Change(roll_back));
  return Find(id);
}

absl::StatusOr<std::vector<PluginStatus>> PluginHost::SetOrder(
    const std::vector<std::string>& ids) {
  if (!state_->store.has_value()) return NothingCanBeKept();
  const absl::MutexLock one_at_a_time(&state_->change_mutex);
  PATCHBAY_RETURN_IF_ERROR(
      state_->Change([&](PluginCatalogue& catalogue) { return catalogue.SetOrder(ids); }));
  const absl::MutexLock lock(&state_->mutex);
  std::vector<PluginStatus> active;
  for (const std::string& id : state_->catalogue.ActiveIds()) {
    PATCHBAY_ASSIGN_OR_RETURN(const auto build,
                              state_->catalogue.Find(id, state_->catalogue.Active(id)->build));
    active.push_back(state_->StatusOf(build));
  }
  return active;
}

absl::StatusOr<PluginStatus> PluginHost::Retire(const std::string& id) {
  const absl::MutexLock one_at_a_time(&state_->change_mutex);
  const auto retire = [&id](PluginCatalogue& catalogue) -> absl::Status {
    PATCHBAY_RETURN_IF_ERROR(catalogue.Find(id).status());
    return catalogue.Retire(id);
  };
  PATCHBAY_RETURN_IF_ERROR(state_->Change(retire));
  return Find(id);
}

}  // namespace patchbay
