#include "bridges/webui/task_board.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace patchbay::webui {
namespace {

constexpr size_t kCompletedKept = 64;

}  // namespace

double TaskProgress::Fraction() const {
  if (!active || job_count == 0) return 0;
  double done = 0.01 + static_cast<double>(job_no) / job_count;
  if (steps > 0) done += static_cast<double>(step) / steps / job_count;
  return std::min(done, 1.0);
}

double TaskProgress::SecondsLeft() const {
  const double fraction = Fraction();
  return fraction > 0 ? elapsed_seconds / fraction - elapsed_seconds : 0;
}

TaskBoard::Task::Task(TaskBoard& board, std::shared_ptr<State> state)
    : board_(board), state_(std::move(state)) {}

TaskBoard::Task::~Task() { board_.Leave(state_); }

void TaskBoard::Task::SetCancel(std::function<void()> cancel) {
  const std::lock_guard lock(board_.mutex_);
  state_->cancel = std::move(cancel);
  state_->skip = false;
}

void TaskBoard::Task::SetJobs(int job_count) {
  const std::lock_guard lock(board_.mutex_);
  state_->progress.job_count = job_count;
}

void TaskBoard::Task::SetStep(int job_no, int step, int steps) {
  const std::lock_guard lock(board_.mutex_);
  state_->progress.job_no = job_no;
  state_->progress.step = step;
  state_->progress.steps = steps;
}

void TaskBoard::Task::SetPreview(std::string jpeg) {
  const std::lock_guard lock(board_.mutex_);
  state_->progress.preview = std::move(jpeg);
  ++state_->progress.preview_number;
}

bool TaskBoard::Task::interrupted() const {
  const std::lock_guard lock(board_.mutex_);
  return state_->progress.interrupted;
}

bool TaskBoard::Task::TakeSkip() {
  const std::lock_guard lock(board_.mutex_);
  return std::exchange(state_->skip, false);
}

std::string TaskBoard::Task::preview() const {
  const std::lock_guard lock(board_.mutex_);
  return state_->progress.preview;
}

std::unique_ptr<TaskBoard::Task> TaskBoard::Enter(const std::string& id) {
  const auto state = std::make_shared<State>();
  std::unique_lock lock(mutex_);
  state->progress.id = id.empty() ? absl::StrCat("task(patchbay-", ++made_up_, ")") : id;
  state->progress.queued = true;
  line_.push_back(state);
  turn_.wait(lock, [&] { return line_.front() == state; });
  state->progress.queued = false;
  state->progress.active = true;
  state->progress.job_count = 1;
  state->start = std::chrono::steady_clock::now();
  state->progress.timestamp = absl::FormatTime("%Y%m%d%H%M%S", absl::Now(), absl::UTCTimeZone());
  return std::unique_ptr<Task>(new Task(*this, state));
}

void TaskBoard::Leave(const std::shared_ptr<State>& state) {
  const std::lock_guard lock(mutex_);
  TaskProgress ended = Seen(*state);
  ended.active = false;
  ended.completed = true;
  ended.preview.clear();
  completed_.push_front(std::move(ended));
  if (completed_.size() > kCompletedKept) completed_.pop_back();
  line_.pop_front();
  turn_.notify_all();
}

TaskProgress TaskBoard::Seen(const State& state) {
  TaskProgress progress = state.progress;
  if (progress.active) {
    progress.elapsed_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - state.start).count();
  }
  return progress;
}

TaskProgress TaskBoard::Current() const {
  const std::lock_guard lock(mutex_);
  if (line_.empty()) return {};
  return Seen(*line_.front());
}

std::optional<TaskProgress> TaskBoard::Find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& state : line_) {
    if (state->progress.id == id) return Seen(*state);
  }
  for (const TaskProgress& progress : completed_) {
    if (progress.id == id) return progress;
  }
  return std::nullopt;
}

std::vector<std::string> TaskBoard::Pending() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> ids;
  for (const auto& state : line_) {
    if (state->progress.queued) ids.push_back(state->progress.id);
  }
  return ids;
}

void TaskBoard::EndCurrent(bool whole) {
  std::function<void()> cancel;
  {
    const std::lock_guard lock(mutex_);
    if (line_.empty() || !line_.front()->progress.active) return;
    State& state = *line_.front();
    (whole ? state.progress.interrupted : state.progress.skipped) = true;
    if (!whole) state.skip = true;
    cancel = state.cancel;
  }
  // It asks the host, which may take a while.
  if (cancel) cancel();
}

void TaskBoard::Interrupt() { EndCurrent(/*whole=*/true); }
void TaskBoard::Skip() { EndCurrent(/*whole=*/false); }

}  // namespace patchbay::webui
