#include "bridges/comfyui/prompt_history.h"

#include <algorithm>
#include <utility>

namespace patchbay::comfyui {
namespace {

constexpr size_t kMostKept = 10'000;

}  // namespace

Json Prompt::Tuple() const {
  // A whole number is written as one, as Python does.
  const Json shown = number == static_cast<double>(static_cast<int64_t>(number))
                         ? Json(static_cast<int64_t>(number))
                         : Json(number);
  return Json::array({shown, id, graph, extra_data, outputs});
}

Json EndedPrompt::Entry() const {
  return {{"prompt", prompt.Tuple()},
          {"outputs", outputs},
          {"status",
           {{"status_str", succeeded ? "success" : "error"},
            {"completed", succeeded},
            {"messages", messages}}},
          {"meta", meta}};
}

void PromptHistory::Add(EndedPrompt ended) {
  const std::lock_guard lock(mutex_);
  ended_.push_back(std::move(ended));
  if (ended_.size() > kMostKept) ended_.pop_front();
}

Json PromptHistory::Entries(std::optional<size_t> max_items, std::optional<size_t> offset) const {
  const std::lock_guard lock(mutex_);
  const size_t count = std::min(max_items.value_or(ended_.size()), ended_.size());
  const size_t first = std::min(offset.value_or(ended_.size() - count), ended_.size());
  Json entries = Json::object();
  for (size_t i = first; i < std::min(first + count, ended_.size()); ++i) {
    entries[ended_[i].prompt.id] = ended_[i].Entry();
  }
  return entries;
}

std::optional<EndedPrompt> PromptHistory::Find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  for (const EndedPrompt& ended : ended_) {
    if (ended.prompt.id == id) return ended;
  }
  return std::nullopt;
}

Json PromptHistory::Entry(const std::string& id) const {
  const std::optional<EndedPrompt> found = Find(id);
  return found.has_value() ? Json{{id, found->Entry()}} : Json::object();
}

std::vector<EndedPrompt> PromptHistory::All() const {
  const std::lock_guard lock(mutex_);
  return {ended_.begin(), ended_.end()};
}

void PromptHistory::Remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  std::erase_if(ended_, [&id](const EndedPrompt& ended) { return ended.prompt.id == id; });
}

void PromptHistory::Clear() {
  const std::lock_guard lock(mutex_);
  ended_.clear();
}

}  // namespace patchbay::comfyui
