#ifndef PATCHBAY_HOST_ENGINE_JOBS_JOB_EVENT_LOG_H_
#define PATCHBAY_HOST_ENGINE_JOBS_JOB_EVENT_LOG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "host/engine/jobs/job.h"

namespace patchbay {

// The job is in another state; this is how it is then.
struct JobStateChange {
  Job job;
};

// JPEG files, one for each of the batch, of what the denoiser takes the pictures to be.
struct JobPreview {
  int pass = 0;
  int step = 0;
  std::vector<std::string> jpegs;
};

struct JobEvent {
  uint64_t sequence = 0;  // from 1 on; rises, with gaps
  absl::Time time;
  std::variant<JobStateChange, JobProgress, JobPreview> what;
};

// What has happened to one job, for any number of watchers, each at its own pace. Watchers pull:
// the log holds every state change and step and the newest preview, so a slow watcher costs nothing
// and misses nothing but previews that are out of date. Any thread.
class JobEventLog {
 public:
  // Ends a watcher's notifications. Its destructor waits for one that is on its way; it must not be
  // called from inside `wake`.
  class Subscription {
   public:
    Subscription(JobEventLog& log, uint64_t key) : log_(log), key_(key) {}
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    ~Subscription() { log_.Unsubscribe(key_); }

   private:
    JobEventLog& log_;
    const uint64_t key_;
  };

  // Events get numbers above `last_sequence`.
  explicit JobEventLog(uint64_t last_sequence = 0) : last_sequence_(last_sequence) {}

  // Each returns the event's number. After a final state nothing may be added.
  uint64_t AddStateChange(Job job);
  uint64_t AddProgress(const JobProgress& progress);
  uint64_t AddPreview(JobPreview preview);

  // The first event after `sequence`, previews only if they are wanted; none when there is none
  // yet.
  std::shared_ptr<const JobEvent> Next(uint64_t sequence, bool previews) const;
  // Whether a final state is among the events.
  bool is_complete() const;
  uint64_t last_sequence() const;

  // `wake` is called after each new event, from the thread that adds it: it must be quick and not
  // call this log. The log must outlive the subscription.
  std::unique_ptr<Subscription> Subscribe(bool previews, std::function<void()> wake);
  // Whether anyone is there to see a preview.
  bool WantsPreviews() const;

 private:
  struct Watcher {
    bool previews;
    std::function<void()> wake;
  };
  uint64_t Add(JobEvent event, bool preview);
  void Unsubscribe(uint64_t key);

  mutable std::mutex mutex_;
  std::map<uint64_t, std::shared_ptr<const JobEvent>> events_;  // by number
  uint64_t last_sequence_;
  uint64_t preview_sequence_ = 0;  // the preview among events_, if any
  bool complete_ = false;
  mutable std::mutex watchers_mutex_;
  std::map<uint64_t, Watcher> watchers_;
  uint64_t next_key_ = 1;
  int preview_watchers_ = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_JOB_EVENT_LOG_H_
