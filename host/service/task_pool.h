#ifndef PATCHBAY_HOST_SERVICE_TASK_POOL_H_
#define PATCHBAY_HOST_SERVICE_TASK_POOL_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace patchbay {

// Threads for what may wait for a disk. gRPC's own threads never do: they hand such work over here.
// Any thread.
class TaskPool {
 public:
  explicit TaskPool(int threads);
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;
  // Waits for the tasks that were posted.
  ~TaskPool();

  void Post(std::function<void()> task);

 private:
  void Work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_TASK_POOL_H_
