#ifndef PATCHBAY_BRIDGES_COMFYUI_PROMPT_HISTORY_H_
#define PATCHBAY_BRIDGES_COMFYUI_PROMPT_HISTORY_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bridges/comfyui/node_class.h"
#include "bridges/common/json.h"

namespace patchbay::comfyui {

// A prompt as it was queued.
struct Prompt {
  double number = 0;  // lower goes first
  std::string id;
  Json graph;
  Json extra_data;
  std::vector<std::string> outputs;
  std::string client_id;
  int64_t create_time = 0;  // milliseconds since 1970
  // The classes that it was found valid with just now; null: it is checked again before it runs.
  std::shared_ptr<const NodeCatalogue> catalogue;

  // ComfyUI's tuple [number, id, graph, extra_data, outputs].
  Json Tuple() const;
};

// A prompt that has ended.
struct EndedPrompt {
  Prompt prompt;
  Json outputs = Json::object();  // by node
  Json meta = Json::object();
  Json messages = Json::array();
  bool succeeded = false, interrupted = false;
  Json error = nullptr;  // the data of execution_error
  int64_t start_time = 0, end_time = 0;

  Json Entry() const;
};

// The last prompts that have ended, at most 10 000. Any thread.
class PromptHistory {
 public:
  void Add(EndedPrompt ended);
  // Entries by id, the oldest first; without an offset the newest `max_items`.
  Json Entries(std::optional<size_t> max_items, std::optional<size_t> offset) const;
  // {id: entry}, or {}.
  Json Entry(const std::string& id) const;
  std::optional<EndedPrompt> Find(const std::string& id) const;
  std::vector<EndedPrompt> All() const;
  void Remove(const std::string& id);
  void Clear();

 private:
  mutable std::mutex mutex_;
  std::deque<EndedPrompt> ended_;
};

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_PROMPT_HISTORY_H_
