#include "host/plugins/hook_monitor.h"

#include "absl/strings/str_cat.h"

namespace patchbay {

void HookMonitor::RecordFailure(const std::string& build, const std::string& reason) {
  const absl::MutexLock lock(&mutex_);
  Record& record = records_[build];
  if (++record.failures >= limits_.failures_until_suspended && record.suspended.empty()) {
    record.suspended =
        absl::StrCat("suspended after ", record.failures, " failures; the last: ", reason);
  }
}

void HookMonitor::RecordSuccess(const std::string& build) {
  const absl::MutexLock lock(&mutex_);
  const auto record = records_.find(build);
  if (record != records_.end() && record->second.suspended.empty()) records_.erase(record);
}

std::string HookMonitor::SuspensionReason(const std::string& build) const {
  const absl::MutexLock lock(&mutex_);
  const auto record = records_.find(build);
  return record == records_.end() ? "" : record->second.suspended;
}

void HookMonitor::Resume(const std::string& build) {
  const absl::MutexLock lock(&mutex_);
  records_.erase(build);
}

void HookMonitor::Suspend(const std::string& build, const std::string& reason) {
  const absl::MutexLock lock(&mutex_);
  records_[build].suspended = reason;
}

}  // namespace patchbay
