#ifndef PATCHBAY_BRIDGES_COMFYUI_PROMPT_QUEUE_H_
#define PATCHBAY_BRIDGES_COMFYUI_PROMPT_QUEUE_H_

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bridges/comfyui/catalogue_reader.h"
#include "bridges/comfyui/graph_run.h"

namespace patchbay::comfyui {

// Prompts that wait, the one that runs, and those that have ended. Runs them one at a time on a
// thread of its own, the lowest number first. Any thread.
class PromptQueue {
 public:
  PromptQueue(HostSession& host, PictureFolders& folders, CatalogueReader& catalogues);
  // Interrupts what runs and waits for it; what waits is dropped.
  ~PromptQueue();

  // Queues a validated prompt. `number` absent: behind the others; `front`: before them.
  // RESOURCE_EXHAUSTED when too many wait. Returns the number.
  absl::StatusOr<double> Add(Prompt prompt, std::optional<double> number, bool front);

  struct Snapshot {
    std::vector<Prompt> running, pending;
  };
  Snapshot State() const;
  int Remaining() const;

  // Drops prompts that wait; returns how many.
  int RemovePending(const std::function<bool(const Prompt&)>& is_meant);
  // Interrupts the prompt that runs, if `id` is empty or its id. Whether there was one.
  bool Interrupt(const std::string& id);
  // Forgets all results.
  void DropCache();

  PromptHistory& history() { return history_; }
  ClientHub& hub() { return hub_; }

 private:
  void Work();
  // `catalogue` as in Prompt.
  void RunOne(const Prompt& prompt, std::shared_ptr<const NodeCatalogue> catalogue);
  EndedPrompt Execute(const Prompt& prompt, std::shared_ptr<const NodeCatalogue> catalogue);
  EndedPrompt RunWith(const NodeCatalogue& catalogue, const Prompt& prompt);
  EndedPrompt Unrunnable(const Prompt& prompt, const std::string& reason);
  std::string ExecutingNode(const std::string& client_id) const;
  void SetCancel(std::function<void()> cancel);

  HostSession& host_;
  PictureFolders& folders_;
  CatalogueReader& catalogues_;
  PromptHistory history_;
  ClientHub hub_;
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::vector<Prompt> pending_;
  std::optional<Prompt> running_;
  std::string running_node_;
  std::function<void()> cancel_;
  double next_number_ = 0;
  bool ending_ = false;
  std::atomic<bool> interrupted_{false};
  std::atomic<bool> drop_cache_{false};
  ResultCache cache_;  // the worker's alone
  std::thread worker_;
};

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_PROMPT_QUEUE_H_
