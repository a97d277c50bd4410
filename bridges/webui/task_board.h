#ifndef PATCHBAY_BRIDGES_WEBUI_TASK_BOARD_H_
#define PATCHBAY_BRIDGES_WEBUI_TASK_BOARD_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace patchbay::webui {

// How far a request is.
struct TaskProgress {
  std::string id;
  bool queued = false;     // waits for its turn
  bool active = false;     // is being drawn
  bool completed = false;  // ended, lately
  bool interrupted = false, skipped = false;
  int job_no = 0, job_count = 0;  // a job is one pass over one batch
  int step = 0, steps = 0;
  double elapsed_seconds = 0;
  std::string preview;     // JPEG file; empty: none yet
  int preview_number = 0;  // rises with each preview
  std::string timestamp;   // YYYYMMDDhhmmss, UTC, of its start

  // 0 when idle, else 0.01 + share of what is done, at most 1 (A1111, modules/api/api.py).
  double Fraction() const;
  double SecondsLeft() const;
};

// The requests that draw, one at a time in the order in which they came, and how far each is. Any
// thread.
class TaskBoard {
 public:
  // A request's place. Its turn ends with it.
  class Task {
   public:
    ~Task();
    // What interrupt and skip do to the call that is under way; empty: there is none.
    void SetCancel(std::function<void()> cancel);
    void SetJobs(int job_count);
    void SetStep(int job_no, int step, int steps);
    void SetPreview(std::string jpeg);
    bool interrupted() const;
    // Whether the current picture is to be left; says so once.
    bool TakeSkip();
    std::string preview() const;

   private:
    friend class TaskBoard;
    struct State {
      TaskProgress progress;
      std::function<void()> cancel;
      bool skip = false;
      std::chrono::steady_clock::time_point start;
    };
    Task(TaskBoard& board, std::shared_ptr<State> state);
    TaskBoard& board_;
    const std::shared_ptr<State> state_;
  };

  // Waits for the request's turn. `id` empty: one is made up.
  std::unique_ptr<Task> Enter(const std::string& id);

  // The request that is being drawn; idle values when there is none.
  TaskProgress Current() const;
  // The request of this id; nothing when it is unknown.
  std::optional<TaskProgress> Find(const std::string& id) const;
  // Ids of the requests that wait.
  std::vector<std::string> Pending() const;

  // Ends the current request with what it has; nothing when there is none.
  void Interrupt();
  // Ends the current picture only.
  void Skip();

 private:
  using State = Task::State;
  void Leave(const std::shared_ptr<State>& state);
  void EndCurrent(bool whole);
  static TaskProgress Seen(const State& state);

  mutable std::mutex mutex_;
  std::condition_variable turn_;
  std::deque<std::shared_ptr<State>> line_;  // the front one is being drawn
  std::list<TaskProgress> completed_;        // the newest first
  int made_up_ = 0;
};

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_TASK_BOARD_H_
