#include "host/engine/jobs/action_runner.h"

#include <algorithm>
#include <atomic>
#include <list>
#include <map>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "host/base/status_macros.h"
#include "host/engine/jobs/error_reason.h"
#include "host/engine/jobs/model_turns.h"
#include "host/engine/jobs/plugin_error.h"

namespace patchbay {
namespace {

constexpr size_t kMaxWaiting = 16;
constexpr size_t kRemembered = 256;

}  // namespace

struct ActionRunner::Entry {
  ActionRun run;  // under the runner's mutex
  std::atomic<bool> cancelled = false;
  std::mutex wake_mutex;
  std::list<std::function<void()>> wakes;  // under wake_mutex
};

// Reports a running action to its watchers.
class ActionRunner::Observer final : public ActionObserver {
 public:
  Observer(ActionRunner& runner, const EntryPointer& entry)
      : runner_(runner),
        entry_(entry),
        turns_(runner.queue_, [entry] { return entry->cancelled.load(); }, {}) {}

  absl::Status TakeModel() override { return turns_.Take(); }
  void GiveModelBack() override { turns_.GiveBack(); }

  void OnProgress(double fraction, const std::string& text) override {
    runner_.Change(entry_, [&](ActionRun& run) {
      run.fraction = fraction;
      run.activity = text;
    });
  }

  bool IsCancelled() override { return entry_->cancelled; }

  absl::Status OnArtifact(const std::string& name, std::string_view bytes) override {
    PATCHBAY_ASSIGN_OR_RETURN(const Artifact artifact, runner_.artifacts_.Put(bytes));
    runner_.Change(entry_, [&](ActionRun& run) { SetResult(run, name, artifact.id); });
    const auto former = made_.find(name);
    if (former != made_.end() && former->second.id != artifact.id) {
      runner_.artifacts_.RemoveUntouched(former->second.id, former->second.stored);
    }
    made_.erase(name);
    if (!artifact.was_there) made_[name] = {artifact.id, absl::Now()};
    return absl::OkStatus();
  }

 private:
  // A result that nobody else has stored.
  struct Made {
    std::string id;
    absl::Time stored;
  };

  static void SetResult(ActionRun& run, const std::string& name, const std::string& id) {
    for (ActionResult& result : run.results) {
      if (result.name != name) continue;
      result.artifact_id = id;
      return;
    }
    run.results.push_back({name, id});
  }

  ActionRunner& runner_;
  const EntryPointer entry_;
  ModelTurns turns_;
  std::map<std::string, Made> made_;  // by its name
};

ActionRunner::ActionRunner(JobQueue& queue, EngineExecutor& executor, ArtifactStore& artifacts)
    : queue_(queue), executor_(executor), artifacts_(artifacts), worker_([this] { Work(); }) {}

ActionRunner::~ActionRunner() {
  CancelAll();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting_.clear();
    changed_.notify_all();
  }
  worker_.join();
}

void ActionRunner::CancelAll() {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, entry] : entries_) entry->cancelled = true;
}

absl::StatusOr<ActionRun> ActionRunner::Start(const ActionRequest& request) {
  PATCHBAY_RETURN_IF_ERROR(executor_.CheckAction(request));
  const std::lock_guard lock(mutex_);
  if (!request.request_id.empty()) {
    for (const auto& [id, entry] : entries_) {
      if (entry->run.request.request_id != request.request_id) continue;
      if (entry->run.request == request) return entry->run;
      return WithReason(
          absl::AlreadyExistsError("the request_id was used for another run; use a new one"),
          error_reason::kRequestIdReused);
    }
  }
  if (waiting_.size() >= kMaxWaiting) {
    return WithDetails(
        absl::ResourceExhaustedError(absl::StrCat(kMaxWaiting, " actions wait already")),
        {std::string(error_reason::kQueueFull), {}, absl::Seconds(10)});
  }
  auto entry = std::make_shared<Entry>();
  entry->run.id = absl::StrFormat("action-%08d-%08x", ++started_, std::random_device()());
  entry->run.request = request;
  entries_[entry->run.id] = entry;
  waiting_.push_back(entry);
  Forget();
  changed_.notify_all();
  return entry->run;
}

absl::StatusOr<ActionRunner::EntryPointer> ActionRunner::Find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found != entries_.end()) return found->second;
  const std::string shown = id.substr(0, 80);
  return WithDetails(absl::NotFoundError(absl::StrCat("there is no action's run \"", shown, "\"")),
                     {std::string(error_reason::kActionRunNotFound), {{"run", shown}}, {}});
}

absl::StatusOr<ActionRun> ActionRunner::Get(const std::string& id) const {
  PATCHBAY_ASSIGN_OR_RETURN(const EntryPointer entry, Find(id));
  const std::lock_guard lock(mutex_);
  return entry->run;
}

absl::StatusOr<ActionRun> ActionRunner::Cancel(const std::string& id) {
  PATCHBAY_ASSIGN_OR_RETURN(const EntryPointer entry, Find(id));
  entry->cancelled = true;
  bool was_waiting = false;
  {
    const std::lock_guard lock(mutex_);
    was_waiting = std::erase(waiting_, entry) > 0;
  }
  if (was_waiting) {
    Change(entry, [](ActionRun& run) { run.state = ActionState::kCancelled; });
  }
  return Get(id);
}

absl::StatusOr<std::shared_ptr<void>> ActionRunner::Subscribe(const std::string& id,
                                                              std::function<void()> wake) {
  PATCHBAY_ASSIGN_OR_RETURN(const EntryPointer entry, Find(id));
  const std::lock_guard lock(entry->wake_mutex);
  const auto place = entry->wakes.insert(entry->wakes.end(), std::move(wake));
  return std::shared_ptr<void>(entry.get(), [entry, place](void*) {
    const std::lock_guard end(entry->wake_mutex);
    entry->wakes.erase(place);
  });
}

void ActionRunner::Change(const EntryPointer& entry,
                          const std::function<void(ActionRun&)>& change) {
  {
    const std::lock_guard lock(mutex_);
    change(entry->run);
    ++entry->run.version;
  }
  const std::lock_guard lock(entry->wake_mutex);
  for (const auto& wake : entry->wakes) wake();
}

void ActionRunner::Work() {
  while (true) {
    EntryPointer entry;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      entry = waiting_.front();
      waiting_.pop_front();
    }
    RunOne(entry);
  }
}

void ActionRunner::RunOne(const EntryPointer& entry) {
  absl::Status status = absl::CancelledError("cancelled before it began");
  if (!entry->cancelled) {
    Change(entry, [](ActionRun& run) { run.state = ActionState::kRunning; });
    Observer observer(*this, entry);
    status = executor_.RunAction(entry->run.request, observer);
  }
  Change(entry, [&](ActionRun& run) {
    if (status.ok()) {
      run.state = ActionState::kSucceeded;
      run.fraction = 1;
    } else if (entry->cancelled) {
      run.state = ActionState::kCancelled;
    } else {
      run.state = ActionState::kFailed;
      run.error = WithPluginReason(status);
    }
  });
}

void ActionRunner::Forget() {
  for (auto entry = entries_.begin(); entries_.size() > kRemembered && entry != entries_.end();) {
    entry = IsFinal(entry->second->run.state) ? entries_.erase(entry) : std::next(entry);
  }
}

}  // namespace patchbay
