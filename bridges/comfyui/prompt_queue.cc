#include "bridges/comfyui/prompt_queue.h"

#include <algorithm>
#include <utility>

#include "bridges/comfyui/prompt_validation.h"

namespace patchbay::comfyui {
namespace {

constexpr size_t kMostPending = 1000;

}  // namespace

PromptQueue::PromptQueue(HostSession& host, PictureFolders& folders, CatalogueReader& catalogues)
    : host_(host),
      folders_(folders),
      catalogues_(catalogues),
      hub_([this] { return Remaining(); },
           [this](const std::string& client) { return ExecutingNode(client); }),
      worker_([this] { Work(); }) {}

PromptQueue::~PromptQueue() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    pending_.clear();
  }
  Interrupt("");
  work_.notify_all();
  worker_.join();
}

absl::StatusOr<double> PromptQueue::Add(Prompt prompt, std::optional<double> number, bool front) {
  double chosen = 0;
  {
    const std::lock_guard lock(mutex_);
    if (pending_.size() >= kMostPending) {
      return absl::ResourceExhaustedError("too many prompts wait; try again later");
    }
    chosen = number.value_or(next_number_);
    if (!number.has_value()) {
      if (front) chosen = -chosen;
      ++next_number_;
    }
    prompt.number = chosen;
    // While it waits plugins and files may go.
    if (running_.has_value() || !pending_.empty()) prompt.catalogue = nullptr;
    // Behind those of the same number.
    const auto place =
        std::upper_bound(pending_.begin(), pending_.end(), prompt,
                         [](const Prompt& a, const Prompt& b) { return a.number < b.number; });
    pending_.insert(place, std::move(prompt));
  }
  hub_.BroadcastStatus();
  work_.notify_all();
  return chosen;
}

PromptQueue::Snapshot PromptQueue::State() const {
  const std::lock_guard lock(mutex_);
  Snapshot snapshot;
  if (running_.has_value()) snapshot.running.push_back(*running_);
  snapshot.pending = pending_;
  return snapshot;
}

int PromptQueue::Remaining() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(pending_.size()) + (running_.has_value() ? 1 : 0);
}

int PromptQueue::RemovePending(const std::function<bool(const Prompt&)>& is_meant) {
  size_t removed = 0;
  {
    const std::lock_guard lock(mutex_);
    removed = std::erase_if(pending_, is_meant);
  }
  if (removed > 0) hub_.BroadcastStatus();
  return static_cast<int>(removed);
}

bool PromptQueue::Interrupt(const std::string& id) {
  std::function<void()> cancel;
  {
    const std::lock_guard lock(mutex_);
    if (!running_.has_value() || (!id.empty() && running_->id != id)) return false;
    interrupted_ = true;
    cancel = cancel_;
  }
  if (cancel) cancel();
  return true;
}

void PromptQueue::DropCache() { drop_cache_ = true; }

void PromptQueue::SetCancel(std::function<void()> cancel) {
  const std::lock_guard lock(mutex_);
  cancel_ = std::move(cancel);
}

std::string PromptQueue::ExecutingNode(const std::string& client_id) const {
  const std::lock_guard lock(mutex_);
  return running_.has_value() && running_->client_id == client_id ? running_node_ : "";
}

void PromptQueue::Work() {
  while (true) {
    Prompt prompt;
    std::shared_ptr<const NodeCatalogue> catalogue;
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [this] { return ending_ || !pending_.empty(); });
      if (ending_) return;
      prompt = std::move(pending_.front());
      pending_.erase(pending_.begin());
      catalogue = std::exchange(prompt.catalogue, nullptr);
      running_ = prompt;
      running_node_.clear();
      interrupted_ = false;
    }
    hub_.BroadcastStatus();
    RunOne(prompt, std::move(catalogue));
  }
}

void PromptQueue::RunOne(const Prompt& prompt, std::shared_ptr<const NodeCatalogue> catalogue) {
  if (drop_cache_.exchange(false)) cache_.clear();
  EndedPrompt ended = Execute(prompt, std::move(catalogue));
  {
    const std::lock_guard lock(mutex_);
    running_.reset();
    cancel_ = {};
  }
  // Clients that see the last event ask for the history at once.
  history_.Add(std::move(ended));
  hub_.BroadcastStatus();
  hub_.Send(prompt.client_id, "executing", {{"node", nullptr}, {"prompt_id", prompt.id}});
}

EndedPrompt PromptQueue::Execute(const Prompt& prompt,
                                 std::shared_ptr<const NodeCatalogue> catalogue) {
  if (catalogue != nullptr) return RunWith(*catalogue, prompt);
  auto read = catalogues_.Read();
  if (!read.ok()) return Unrunnable(prompt, std::string(read.status().message()));
  Prompt checked = prompt;
  const ValidatedPrompt valid = ValidatePrompt(
      **read, folders_, {prompt.outputs.begin(), prompt.outputs.end()}, checked.graph);
  if (valid.outputs.size() == prompt.outputs.size()) return RunWith(**read, checked);
  return Unrunnable(prompt,
                    "the prompt can no longer run: a node or a file that it needs has gone");
}

EndedPrompt PromptQueue::RunWith(const NodeCatalogue& catalogue, const Prompt& prompt) {
  const RunSurroundings surroundings{
      host_,
      folders_,
      hub_,
      [this] { return interrupted_.load(); },
      [this](std::function<void()> cancel) { SetCancel(std::move(cancel)); },
      [this](const std::string& node) {
        const std::lock_guard lock(mutex_);
        running_node_ = node;
      }};
  return RunPrompt(prompt, catalogue, surroundings, cache_);
}

EndedPrompt PromptQueue::Unrunnable(const Prompt& prompt, const std::string& reason) {
  EndedPrompt failed;
  failed.prompt = prompt;
  failed.start_time = failed.end_time = NowMilliseconds();
  const std::string first = prompt.outputs.empty() ? "" : prompt.outputs.front();
  failed.error = {{"prompt_id", prompt.id},
                  {"node_id", first},
                  {"node_type", first.empty() ? Json("") : prompt.graph[first]["class_type"]},
                  {"executed", Json::array()},
                  {"exception_message", reason},
                  {"exception_type", "RuntimeError"},
                  {"traceback", Json::array({reason})},
                  {"current_inputs", Json::object()},
                  {"current_outputs", Json::array()},
                  {"timestamp", NowMilliseconds()}};
  failed.messages.push_back(Json::array({"execution_error", failed.error}));
  hub_.Send(prompt.client_id, "execution_error", failed.error);
  return failed;
}

}  // namespace patchbay::comfyui
