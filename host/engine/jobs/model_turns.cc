#include "host/engine/jobs/model_turns.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace patchbay {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kAskInterval{50};

}  // namespace

// The queue's worker stands still in Serve() for as long as the turn lasts.
struct ModelTurns::Turn {
  // On the queue's worker.
  void Serve(const Limits& limits) {
    std::unique_lock lock(mutex);
    begin = idle_since = Clock::now();
    // Nobody waits for it any more.
    if (over) return;
    begun = true;
    in_use = true;
    changed.notify_all();
    while (true) {
      changed.wait(lock, [this] { return !in_use; });
      const Clock::time_point end = std::min(idle_since + limits.pause, begin + limits.slice);
      if (over || Clock::now() >= end) break;
      changed.wait_until(lock, end, [this] { return in_use || over; });
    }
    over = true;
  }

  std::mutex mutex;
  std::condition_variable changed;
  Clock::time_point begin;
  Clock::time_point idle_since;
  bool begun = false;
  bool in_use = false;
  bool over = false;
};

ModelTurns::ModelTurns(JobQueue& queue, std::function<bool()> is_cancelled, const Limits& limits)
    : queue_(queue), is_cancelled_(std::move(is_cancelled)), limits_(limits) {}

ModelTurns::~ModelTurns() {
  if (turn_ == nullptr) return;
  const std::lock_guard lock(turn_->mutex);
  turn_->in_use = false;
  turn_->over = true;
  turn_->changed.notify_all();
}

absl::Status ModelTurns::Take() {
  const absl::Status status = uses_ > 0 ? absl::OkStatus() : Wait();
  if (status.ok()) ++uses_;
  return status;
}

absl::Status ModelTurns::Wait() {
  if (turn_ != nullptr) {
    const std::lock_guard lock(turn_->mutex);
    if (!turn_->over && Clock::now() < turn_->begin + limits_.slice) {
      turn_->in_use = true;
      return absl::OkStatus();
    }
    turn_->over = true;
    turn_->changed.notify_all();
  }
  turn_ = std::make_shared<Turn>();
  const bool accepted =
      queue_.PostBetweenJobs([turn = turn_, limits = limits_] { turn->Serve(limits); });
  if (!accepted) {
    turn_ = nullptr;
    return absl::UnavailableError("the server is about to end");
  }
  std::unique_lock lock(turn_->mutex);
  while (!turn_->begun) {
    turn_->changed.wait_for(lock, kAskInterval);
    if (turn_->begun || !is_cancelled_()) continue;
    turn_->over = true;
    return absl::CancelledError("cancelled");
  }
  return absl::OkStatus();
}

void ModelTurns::GiveBack() {
  if (uses_ == 0 || --uses_ > 0) return;
  const std::lock_guard lock(turn_->mutex);
  turn_->in_use = false;
  turn_->idle_since = Clock::now();
  turn_->changed.notify_all();
}

}  // namespace patchbay
