#ifndef PATCHBAY_HOST_PLUGINS_CONTROL_THREAD_H_
#define PATCHBAY_HOST_PLUGINS_CONTROL_THREAD_H_

#include <deque>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace patchbay {

// The one thread on which plugins are loaded, made, attached and destroyed. Work runs in the order
// in which it was given. Any thread may give it work.
class ControlThread {
 public:
  ControlThread();
  // After all work that was given, also by that work.
  ~ControlThread();
  ControlThread(const ControlThread&) = delete;
  ControlThread& operator=(const ControlThread&) = delete;

  // Returns when the work is done; runs it at once where this is the control thread.
  void Run(const std::function<void()>& work);
  // Returns at once.
  void Post(std::function<void()> work);

 private:
  void Serve();

  absl::Mutex mutex_;
  std::deque<std::function<void()>> work_ ABSL_GUARDED_BY(mutex_);
  bool ends_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_CONTROL_THREAD_H_
