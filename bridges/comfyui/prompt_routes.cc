#include <algorithm>
#include <random>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "bridges/comfyui/job_summary.h"
#include "bridges/comfyui/prompt_validation.h"
#include "bridges/comfyui/routes.h"
#include "bridges/common/json_text.h"

namespace patchbay::comfyui {
namespace {

constexpr size_t kMaxIdLength = 128;

// A random UUID (RFC 4122, version 4).
std::string NewUuid() {
  std::random_device random;
  const uint32_t a = random(), b = random(), c = random(), d = random();
  return absl::StrFormat("%08x-%04x-4%03x-%04x-%04x%08x", a, b >> 16, b & 0xfff,
                         0x8000 | (c >> 16 & 0x3fff), c & 0xffff, d);
}

bool IsSafeId(const std::string& id) {
  return !id.empty() && id.size() <= kMaxIdLength && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' ||
           c == ':';
  });
}

HttpResponse PromptError(const std::string& type, const std::string& message,
                         const std::string& details) {
  return JsonAnswer({{"error",
                      {{"type", type},
                       {"message", message},
                       {"details", details},
                       {"extra_info", Json::object()}}},
                     {"node_errors", Json::object()}},
                    400);
}

// A body's object; absent or broken bodies count as {} where the route allows.
Json BodyOf(const HttpRequest& request) {
  Json body = ParseJsonText(request.body);
  return body.is_object() ? body : Json::object();
}

HttpResponse PostPrompt(Context& context, const HttpRequest& request) {
  Json body = ParseJsonText(request.body);
  if (!body.is_object()) return PromptError("invalid_prompt", "The body is no JSON object", "");
  if (!body.contains("prompt"))
    return PromptError("no_prompt", "No prompt provided", "No prompt provided");
  Prompt prompt;
  prompt.id = body.contains("prompt_id") && !body["prompt_id"].is_null()
                  ? (body["prompt_id"].is_string() ? body["prompt_id"].get<std::string>() : "")
                  : NewUuid();
  if (!IsSafeId(prompt.id)) {
    return PromptError("invalid_prompt_id", "Invalid prompt id",
                       "prompt_id takes letters, digits, '-', '_', '.' and ':'");
  }
  prompt.graph = std::move(body["prompt"]);
  prompt.extra_data = body.value("extra_data", Json::object());
  if (!prompt.extra_data.is_object()) prompt.extra_data = Json::object();
  if (body.contains("client_id") && body["client_id"].is_string()) {
    prompt.client_id = body["client_id"].get<std::string>();
    prompt.extra_data["client_id"] = prompt.client_id;
  }
  prompt.create_time = NowMilliseconds();
  prompt.extra_data["create_time"] = prompt.create_time;
  std::set<std::string> targets;
  if (body.contains("partial_execution_targets") && body["partial_execution_targets"].is_array()) {
    for (const Json& id : body["partial_execution_targets"]) {
      if (id.is_string()) targets.insert(id.get<std::string>());
    }
  }
  const auto catalogue = context.catalogues.Read();
  if (!catalogue.ok()) return Refusal(catalogue.status());
  ValidatedPrompt valid = ValidatePrompt(**catalogue, *context.pictures, targets, prompt.graph);
  if (!valid.error.is_null()) {
    return JsonAnswer({{"error", valid.error}, {"node_errors", valid.node_errors}}, 400);
  }
  prompt.outputs = valid.outputs;
  prompt.catalogue = *catalogue;
  std::optional<double> number;
  if (body.contains("number") && body["number"].is_number()) number = body["number"].get<double>();
  const bool front = body.value("front", Json()) == true;
  const std::string id = prompt.id;
  const auto chosen = context.queue.Add(std::move(prompt), number, front);
  if (!chosen.ok()) return Refusal(chosen.status());
  const Json shown = *chosen == static_cast<double>(static_cast<int64_t>(*chosen))
                         ? Json(static_cast<int64_t>(*chosen))
                         : Json(*chosen);
  return JsonAnswer({{"prompt_id", id}, {"number", shown}, {"node_errors", valid.node_errors}});
}

HttpResponse GetQueue(Context& context) {
  const PromptQueue::Snapshot state = context.queue.State();
  Json running = Json::array(), pending = Json::array();
  for (const Prompt& prompt : state.running) running.push_back(prompt.Tuple());
  for (const Prompt& prompt : state.pending) pending.push_back(prompt.Tuple());
  return JsonAnswer({{"queue_running", std::move(running)}, {"queue_pending", std::move(pending)}});
}

std::set<std::string> IdsIn(const Json& body, const char* field) {
  std::set<std::string> ids;
  if (!body.contains(field) || !body[field].is_array()) return ids;
  for (const Json& id : body[field]) {
    if (id.is_string()) ids.insert(id.get<std::string>());
  }
  return ids;
}

HttpResponse PostQueue(Context& context, const HttpRequest& request) {
  const Json body = BodyOf(request);
  if (body.value("clear", Json()) == true) {
    context.queue.RemovePending([](const Prompt&) { return true; });
  }
  const std::set<std::string> ids = IdsIn(body, "delete");
  context.queue.RemovePending([&ids](const Prompt& prompt) { return ids.count(prompt.id) > 0; });
  return {};
}

HttpResponse PostInterrupt(Context& context, const HttpRequest& request) {
  const Json id = BodyOf(request).value("prompt_id", Json());
  context.queue.Interrupt(id.is_string() ? id.get<std::string>() : "");
  return {};
}

HttpResponse PostFree(Context& context, const HttpRequest& request) {
  const Json body = BodyOf(request);
  const bool unload = body.value("unload_models", Json()) == true;
  if (unload || body.value("free_memory", Json()) == true) context.queue.DropCache();
  if (!unload) return {};
  const auto models = context.host.ListModels();
  if (!models.ok()) return Refusal(models.status());
  for (const v1::Model& model : *models) {
    // A host that keeps this to its administrators still frees what is this bridge's own.
    if (model.loaded()) context.host.UnloadModel(model.name()).IgnoreError();
  }
  return {};
}

std::optional<size_t> CountIn(const HttpRequest& request, const char* name) {
  size_t count = 0;
  int64_t number = 0;
  if (!absl::SimpleAtoi(request.Query(name), &number) || number < 0) return std::nullopt;
  count = static_cast<size_t>(number);
  return count;
}

HttpResponse PostHistory(Context& context, const HttpRequest& request) {
  const Json body = BodyOf(request);
  if (body.value("clear", Json()) == true) context.queue.history().Clear();
  for (const std::string& id : IdsIn(body, "delete")) context.queue.history().Remove(id);
  return {};
}

HttpResponse ListJobs(Context& context, const HttpRequest& request) {
  std::set<std::string> states;
  for (const auto& state : absl::StrSplit(request.Query("status"), ',', absl::SkipEmpty())) {
    states.insert(std::string(state));
  }
  std::vector<Json> jobs = JobSummaries(context.queue);
  std::erase_if(jobs, [&states](const Json& job) {
    return !states.empty() && states.count(job["status"].get<std::string>()) == 0;
  });
  if (request.Query("sort_order", "desc") == "desc") std::reverse(jobs.begin(), jobs.end());
  const size_t total = jobs.size();
  const size_t offset = std::min(CountIn(request, "offset").value_or(0), total);
  const size_t limit = std::min(CountIn(request, "limit").value_or(total), total - offset);
  Json page = Json::array();
  for (size_t i = offset; i < offset + limit; ++i) page.push_back(jobs[i]);
  return JsonAnswer({{"jobs", std::move(page)},
                     {"pagination",
                      {{"offset", offset},
                       {"limit", limit},
                       {"total", total},
                       {"has_more", offset + limit < total}}}});
}

bool CancelJob(Context& context, const std::string& id) {
  const int removed =
      context.queue.RemovePending([&id](const Prompt& prompt) { return prompt.id == id; });
  return removed > 0 || context.queue.Interrupt(id);
}

}  // namespace

void AddPromptRoutes(Context& context, HttpRouter& router) {
  using Request = const HttpRequest&;
  AddTwice(router, "GET", "/prompt", [&context](Request) {
    return JsonAnswer({{"exec_info", {{"queue_remaining", context.queue.Remaining()}}}});
  });
  AddTwice(router, "POST", "/prompt",
           [&context](Request request) { return PostPrompt(context, request); });
  AddTwice(router, "GET", "/queue", [&context](Request) { return GetQueue(context); });
  AddTwice(router, "POST", "/queue",
           [&context](Request request) { return PostQueue(context, request); });
  AddTwice(router, "POST", "/interrupt",
           [&context](Request request) { return PostInterrupt(context, request); });
  AddTwice(router, "POST", "/free",
           [&context](Request request) { return PostFree(context, request); });
  AddTwice(router, "GET", "/history", [&context](Request request) {
    return JsonAnswer(
        context.queue.history().Entries(CountIn(request, "max_items"), CountIn(request, "offset")));
  });
  AddTwice(router, "GET", "/history/{id}", [&context](Request request) {
    return JsonAnswer(context.queue.history().Entry(request.captures.at("id")));
  });
  AddTwice(router, "POST", "/history",
           [&context](Request request) { return PostHistory(context, request); });
  router.Add("GET", "/api/jobs",
             [&context](Request request) { return ListJobs(context, request); });
  router.Add("GET", "/api/jobs/{id}", [&context](Request request) {
    const Json job = JobDetails(context.queue, request.captures.at("id"));
    return job.is_null() ? JsonAnswer({{"error", "Job not found"}}, 404) : JsonAnswer(job);
  });
  router.Add("POST", "/api/jobs/{id}/cancel", [&context](Request request) {
    return JsonAnswer({{"cancelled", CancelJob(context, request.captures.at("id"))}});
  });
  router.Add("POST", "/api/jobs/cancel", [&context](Request request) {
    bool any = false;
    for (const std::string& id : IdsIn(BodyOf(request), "job_ids")) any |= CancelJob(context, id);
    return JsonAnswer({{"cancelled", any}});
  });
}

}  // namespace patchbay::comfyui
