#include "host/plugins/control_thread.h"

#include <utility>

#include "absl/synchronization/notification.h"

namespace patchbay {

ControlThread::ControlThread() : thread_([this] { Serve(); }) {}

ControlThread::~ControlThread() {
  {
    const absl::MutexLock lock(&mutex_);
    ends_ = true;
  }
  thread_.join();
}

void ControlThread::Run(const std::function<void()>& work) {
  if (std::this_thread::get_id() == thread_.get_id()) {
    work();
    return;
  }
  absl::Notification done;
  Post([&] {
    work();
    done.Notify();
  });
  done.WaitForNotification();
}

void ControlThread::Post(std::function<void()> work) {
  const absl::MutexLock lock(&mutex_);
  work_.push_back(std::move(work));
}

void ControlThread::Serve() {
  for (;;) {
    std::function<void()> next;
    {
      const absl::MutexLock lock(&mutex_);
      const auto has_work_or_ends = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return !work_.empty() || ends_;
      };
      mutex_.Await(absl::Condition(&has_work_or_ends));
      if (work_.empty()) return;
      next = std::move(work_.front());
      work_.pop_front();
    }
    next();
  }
}

}  // namespace patchbay
