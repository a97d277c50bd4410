#include "host/engine/jobs/job_event_log.h"

#include <utility>

namespace patchbay {

uint64_t JobEventLog::AddStateChange(Job job) {
  return Add({0, absl::Now(), JobStateChange{std::move(job)}}, false);
}

uint64_t JobEventLog::AddProgress(const JobProgress& progress) {
  return Add({0, absl::Now(), progress}, false);
}

uint64_t JobEventLog::AddPreview(JobPreview preview) {
  return Add({0, absl::Now(), std::move(preview)}, true);
}

uint64_t JobEventLog::Add(JobEvent event, bool preview) {
  uint64_t sequence = 0;
  {
    const std::lock_guard lock(mutex_);
    sequence = ++last_sequence_;
    event.sequence = sequence;
    if (auto* change = std::get_if<JobStateChange>(&event.what)) {
      change->job.last_sequence = sequence;
      complete_ = IsFinal(change->job.state);
    }
    // The newest preview alone is kept, and none once the job has ended.
    if (preview || complete_) {
      events_.erase(preview_sequence_);
      preview_sequence_ = preview ? sequence : 0;
    }
    events_.emplace(sequence, std::make_shared<const JobEvent>(std::move(event)));
  }
  // Held while watchers are woken, so that a subscription that has ended is never woken again.
  const std::lock_guard lock(watchers_mutex_);
  for (const auto& [key, watcher] : watchers_) {
    if (!preview || watcher.previews) watcher.wake();
  }
  return sequence;
}

std::shared_ptr<const JobEvent> JobEventLog::Next(uint64_t sequence, bool previews) const {
  const std::lock_guard lock(mutex_);
  auto found = events_.upper_bound(sequence);
  if (found != events_.end() && !previews && found->first == preview_sequence_) ++found;
  return found == events_.end() ? nullptr : found->second;
}

bool JobEventLog::is_complete() const {
  const std::lock_guard lock(mutex_);
  return complete_;
}

uint64_t JobEventLog::last_sequence() const {
  const std::lock_guard lock(mutex_);
  return last_sequence_;
}

std::unique_ptr<JobEventLog::Subscription> JobEventLog::Subscribe(bool previews,
                                                                  std::function<void()> wake) {
  const std::lock_guard lock(watchers_mutex_);
  const uint64_t key = next_key_++;
  watchers_.emplace(key, Watcher{previews, std::move(wake)});
  preview_watchers_ += previews ? 1 : 0;
  return std::make_unique<Subscription>(*this, key);
}

void JobEventLog::Unsubscribe(uint64_t key) {
  const std::lock_guard lock(watchers_mutex_);
  const auto found = watchers_.find(key);
  if (found == watchers_.end()) return;
  preview_watchers_ -= found->second.previews ? 1 : 0;
  watchers_.erase(found);
}

bool JobEventLog::WantsPreviews() const {
  const std::lock_guard lock(watchers_mutex_);
  return preview_watchers_ > 0;
}

}  // namespace patchbay
