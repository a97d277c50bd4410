#include "host/plugins/plugin_host_state.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/plugins/plugin_fault.h"

namespace patchbay {

absl::Status PluginHost::State::Usable(const PluginCatalogue::Build& build) const {
  const std::string& id = build.plugin.manifest.description.id;
  const std::string& name = build.plugin.manifest.sha256;
  const auto quarantined = catalogue.records().quarantine.find(name);
  if (quarantined != catalogue.records().quarantine.end()) {
    return WithPluginFault(absl::FailedPreconditionError(
                               absl::StrCat("plugin ", id, " is quarantined: ", quarantined->second,
                                            "; an operator can activate it again")),
                           {PluginFault::Kind::kQuarantined, id, name, ""});
  }
  if (const std::string reason = monitor.SuspensionReason(name); !reason.empty()) {
    return WithPluginFault(
        absl::FailedPreconditionError(absl::StrCat("plugin ", id, " is ", reason)),
        {PluginFault::Kind::kSuspended, id, name, ""});
  }
  return absl::OkStatus();
}

PluginStatus PluginHost::State::StatusOf(const PluginCatalogue::Build& build) const {
  PluginStatus status;
  status.description = build.plugin.manifest.description;
  status.build = build.plugin.manifest.sha256;
  status.install_time = build.install_time;
  const auto seen = hooks.find(status.build);
  status.hooks = seen == hooks.end() ? status.description.required_hooks : seen->second;
  const HookMonitor::Faults faults = monitor.FaultsOf(status.build);
  status.fault_count = faults.count;
  status.fault = faults.last;

  const std::string& id = status.description.id;
  const PluginRecords::Activation* const active = catalogue.Active(id);
  const bool is_active = active != nullptr && active->build == status.build;
  if (is_active) status.settings = active->settings;
  const auto used = uses.find(status.build);
  if (const absl::Status usable = Usable(build); !usable.ok()) {
    status.fault = usable;
    const bool quarantined = catalogue.records().quarantine.count(status.build) > 0;
    status.state = quarantined ? PluginState::kQuarantined : PluginState::kSuspended;
  } else if (is_active) {
    status.state = PluginState::kActive;
    const std::vector<std::string> ids = catalogue.ActiveIds();
    status.place = static_cast<int>(std::find(ids.begin(), ids.end(), id) - ids.begin()) + 1;
  } else if (catalogue.WasActive(id, status.build)) {
    status.state = used == uses.end() ? PluginState::kRetired : PluginState::kRetiring;
  }
  return status;
}

absl::Status PluginHost::State::Save() {
  if (records_path.empty()) return absl::OkStatus();
  const absl::MutexLock one_at_a_time(&save_mutex);
  PluginRecords records;
  {
    const absl::MutexLock lock(&mutex);
    records = catalogue.records();
  }
  return WritePluginRecords(records_path, records);
}

absl::Status PluginHost::State::Change(absl::FunctionRef<absl::Status(PluginCatalogue&)> change) {
  const absl::MutexLock one_at_a_time(&save_mutex);
  PluginCatalogue changed;
  {
    const absl::MutexLock lock(&mutex);
    changed = catalogue;
  }
  PATCHBAY_RETURN_IF_ERROR(change(changed));
  if (!records_path.empty()) {
    if (const absl::Status written = WritePluginRecords(records_path, changed.records());
        !written.ok()) {
      return absl::InternalError(
          absl::StrCat("nothing was changed, since it could not be kept: ", written.message()));
    }
  }
  // Jobs may have ended and builds been tried meanwhile, so the copy does not replace it.
  const absl::MutexLock lock(&mutex);
  return change(catalogue);
}

}  // namespace patchbay
