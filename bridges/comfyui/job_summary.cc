#include "bridges/comfyui/job_summary.h"

#include <utility>

namespace patchbay::comfyui {
namespace {

Json Summary(const Prompt& prompt, const std::string& status) {
  Json summary = {{"id", prompt.id},           {"status", status},
                  {"priority", prompt.number}, {"create_time", prompt.create_time},
                  {"outputs_count", 0},        {"previewable_outputs_count", 0}};
  const Json extra = prompt.extra_data.value("extra_pnginfo", Json::object());
  if (extra.is_object() && extra.contains("workflow") && extra["workflow"].is_object() &&
      extra["workflow"].contains("id")) {
    summary["workflow_id"] = extra["workflow"]["id"];
  }
  return summary;
}

Json EndedSummary(const EndedPrompt& ended) {
  const char* status = ended.succeeded ? "completed" : ended.interrupted ? "cancelled" : "failed";
  Json summary = Summary(ended.prompt, status);
  summary["execution_start_time"] = ended.start_time;
  summary["execution_end_time"] = ended.end_time;
  if (!ended.error.is_null()) summary["execution_error"] = ended.error;
  size_t count = 0;
  for (const auto& [node, output] : ended.outputs.items()) {
    const Json images = output.value("images", Json::array());
    count += images.size();
    if (images.empty()) continue;
    Json preview = images.back();
    preview["nodeId"] = node;
    preview["mediaType"] = "images";
    summary["preview_output"] = std::move(preview);
  }
  summary["outputs_count"] = summary["previewable_outputs_count"] = count;
  return summary;
}

}  // namespace

std::vector<Json> JobSummaries(PromptQueue& queue) {
  std::vector<Json> jobs;
  const PromptQueue::Snapshot state = queue.State();
  for (const EndedPrompt& ended : queue.history().All()) jobs.push_back(EndedSummary(ended));
  for (const Prompt& prompt : state.running) jobs.push_back(Summary(prompt, "in_progress"));
  for (const Prompt& prompt : state.pending) jobs.push_back(Summary(prompt, "pending"));
  return jobs;
}

Json JobDetails(PromptQueue& queue, const std::string& id) {
  const auto with_graph = [](Json summary, const Prompt& prompt) {
    summary["workflow"] = {{"prompt", prompt.graph}, {"extra_data", prompt.extra_data}};
    return summary;
  };
  if (const auto ended = queue.history().Find(id)) {
    Json job = with_graph(EndedSummary(*ended), ended->prompt);
    job["outputs"] = ended->outputs;
    job["execution_status"] = ended->Entry()["status"];
    return job;
  }
  const PromptQueue::Snapshot state = queue.State();
  for (const Prompt& prompt : state.running) {
    if (prompt.id == id) return with_graph(Summary(prompt, "in_progress"), prompt);
  }
  for (const Prompt& prompt : state.pending) {
    if (prompt.id == id) return with_graph(Summary(prompt, "pending"), prompt);
  }
  return nullptr;
}

}  // namespace patchbay::comfyui
