#include "host/plugins/hook_monitor.h"

#include "absl/strings/str_cat.h"

namespace patchbay {

void HookMonitor::RecordFailure(const std::string& build, const absl::Status& fault) {
  const absl::MutexLock lock(&mutex_);
  Record& record = records_[build];
  ++record.faults.count;
  record.faults.last = fault;
  if (++record.failures >= limits_.failures_until_suspended && record.suspended.empty()) {
    record.suspended = absl::StrCat("suspended after ", record.failures,
                                    " failures; the last: ", std::string(fault.message()));
  }
}

void HookMonitor::RecordSuccess(const std::string& build) {
  const absl::MutexLock lock(&mutex_);
  const auto record = records_.find(build);
  if (record != records_.end() && record->second.suspended.empty()) record->second.failures = 0;
}

std::string HookMonitor::SuspensionReason(const std::string& build) const {
  const absl::MutexLock lock(&mutex_);
  const auto record = records_.find(build);
  return record == records_.end() ? "" : record->second.suspended;
}

void HookMonitor::Resume(const std::string& build) {
  const absl::MutexLock lock(&mutex_);
  const auto record = records_.find(build);
  if (record == records_.end()) return;
  record->second.failures = 0;
  record->second.suspended.clear();
}

HookMonitor::Faults HookMonitor::FaultsOf(const std::string& build) const {
  const absl::MutexLock lock(&mutex_);
  const auto record = records_.find(build);
  return record == records_.end() ? Faults() : record->second.faults;
}

}  // namespace patchbay
