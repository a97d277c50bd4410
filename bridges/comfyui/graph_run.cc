#include "bridges/comfyui/graph_run.h"

#include <openssl/sha.h>

#include <exception>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bridges/comfyui/prompt_validation.h"

namespace patchbay::comfyui {
namespace {

std::string Digest(const std::string& text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return std::string(reinterpret_cast<const char*>(digest), sizeof(digest));
}

std::string IdOf(const Json& link) {
  return link[0].is_string() ? link[0].get<std::string>() : link[0].dump();
}

class Run {
 public:
  Run(const Prompt& prompt, const NodeCatalogue& catalogue, const RunSurroundings& surroundings,
      ResultCache& cache)
      : prompt_(prompt),
        catalogue_(catalogue),
        surroundings_(surroundings),
        extra_pnginfo_(prompt.extra_data.value("extra_pnginfo", Json())),
        cache_(cache) {}

  EndedPrompt Execute() {
    ended_.prompt = prompt_;
    ended_.start_time = NowMilliseconds();
    Lifecycle("execution_start", {{"prompt_id", prompt_.id}});
    Json cached = Json::array();
    for (const std::string& id : InOrder()) {
      if (cache_.count(keys_.at(id)) > 0) cached.push_back(id);
    }
    Lifecycle("execution_cached", {{"nodes", cached}, {"prompt_id", prompt_.id}});
    bool good = true;
    for (const std::string& id : order_) {
      if (!(good = ExecuteNode(id))) break;
    }
    std::erase_if(cache_, [this](const auto& entry) { return used_.count(entry.first) == 0; });
    if (good) Lifecycle("execution_success", {{"prompt_id", prompt_.id}});
    ended_.succeeded = good;
    ended_.end_time = NowMilliseconds();
    return std::move(ended_);
  }

 private:
  const NodeClass& ClassOf(const std::string& id) const {
    return catalogue_.at(prompt_.graph[id]["class_type"].get<std::string>());
  }

  // The nodes that the outputs need, each behind those that it needs itself.
  const std::vector<std::string>& InOrder() {
    for (const std::string& output : prompt_.outputs) Visit(output);
    return order_;
  }

  void Visit(const std::string& id) {
    if (keys_.count(id) > 0) return;
    const NodeClass& node = ClassOf(id);
    const Json& inputs = prompt_.graph[id]["inputs"];
    std::string text = absl::StrCat(node.name, "\n", node.build, "\n");
    if (node.change_token) absl::StrAppend(&text, node.change_token(inputs, surroundings_.folders));
    for (const InputSpec& input : node.inputs) {
      if (!inputs.contains(input.name)) continue;
      const Json& value = inputs[input.name];
      absl::StrAppend(&text, "\n", input.name, "=");
      if (IsLink(value)) {
        Visit(IdOf(value));
        absl::StrAppend(&text, "link ", absl::BytesToHexString(keys_.at(IdOf(value))), "/",
                        value[1].dump());
      } else {
        absl::StrAppend(&text, "value ",
                        value.dump(-1, ' ', false, Json::error_handler_t::replace));
      }
    }
    keys_[id] = Digest(text);
    order_.push_back(id);
  }

  // A lifecycle event: timed, told to the prompt's owner and kept in the history.
  void Lifecycle(const std::string& type, Json data) {
    data["timestamp"] = NowMilliseconds();
    ended_.messages.push_back(Json::array({type, data}));
    surroundings_.hub.Send(prompt_.client_id, type, std::move(data));
  }

  void SendState(const std::string& id, double value, double maximum, const char* state) {
    states_[id] = {{"value", value},
                   {"max", maximum},
                   {"state", state},
                   {"node_id", id},
                   {"prompt_id", prompt_.id},
                   {"display_node_id", id},
                   {"parent_node_id", nullptr},
                   {"real_node_id", id}};
    surroundings_.hub.SendOrBroadcast(prompt_.client_id, "progress_state",
                                      {{"prompt_id", prompt_.id}, {"nodes", states_}});
  }

  void TellOutput(const std::string& id, const CachedResult& result) {
    if (result.ui.is_null()) return;
    ended_.outputs[id] = result.ui;
    ended_.meta[id] = {
        {"node_id", id}, {"display_node", id}, {"parent_node", nullptr}, {"real_node_id", id}};
    surroundings_.hub.Send(
        prompt_.client_id, "executed",
        {{"node", id}, {"display_node", id}, {"output", result.ui}, {"prompt_id", prompt_.id}});
  }

  // Runs the node or takes its result from the cache; false: the prompt has ended.
  bool ExecuteNode(const std::string& id) {
    const std::string& key = keys_.at(id);
    used_.insert(key);
    if (const auto found = cache_.find(key); found != cache_.end()) {
      results_[id] = found->second;
      TellOutput(id, *found->second);
      return true;
    }
    if (surroundings_.is_interrupted()) return Interrupted(id);
    SendState(id, 0, 1, "running");
    surroundings_.on_node(id);
    surroundings_.hub.Send(prompt_.client_id, "executing",
                           {{"node", id}, {"display_node", id}, {"prompt_id", prompt_.id}});
    NodeCall call = CallOf(id);
    auto values = Called(ClassOf(id), call);
    if (!values.ok()) {
      if (surroundings_.is_interrupted()) return Interrupted(id);
      // The host may have lost what results that are kept here refer to: next time all is made
      // anew.
      if (absl::IsNotFound(values.status())) cache_.clear();
      return Failed(id, values.status());
    }
    auto result = std::make_shared<CachedResult>();
    for (NodeValue& value : *values) {
      result->values.push_back(std::make_shared<const NodeValue>(std::move(value)));
    }
    result->ui = std::move(call.ui);
    results_[id] = result;
    cache_[key] = result;
    executed_.push_back(id);
    TellOutput(id, *result);
    SendState(id, 1, 1, "finished");
    return true;
  }

  // A node that trips over its inputs must not end the program.
  static absl::StatusOr<std::vector<NodeValue>> Called(const NodeClass& node, NodeCall& call) {
    for (const auto& [name, value] : call.inputs) {
      const auto* missing = std::get_if<UnavailableValue>(&*value);
      if (missing != nullptr) return absl::UnimplementedError(missing->reason);
    }
    try {
      return node.run(call);
    } catch (const std::exception& error) {
      return absl::InternalError(error.what());
    }
  }

  // They cost the host something, so they are made only where somebody may see them.
  bool WantsPreviews() const {
    return surroundings_.hub.HasClients() &&
           prompt_.extra_data.value("preview_method", Json()) != "none";
  }

  NodeCall CallOf(const std::string& id) {
    NodeCall call{
        .host = surroundings_.host,
        .folders = surroundings_.folders,
        .node_id = id,
        .inputs = {},
        .prompt = prompt_.graph,
        .extra_pnginfo = extra_pnginfo_,
        .is_interrupted = surroundings_.is_interrupted,
        .on_progress = [this, id](int value, int maximum) { Progress(id, value, maximum); },
        .on_preview = nullptr,
        .on_socket_picture =
            [this](const std::string& png) {
              surroundings_.hub.SendPicture(prompt_.client_id, png);
            },
        .set_cancel = surroundings_.set_cancel,
        .feeds = [this, id](size_t output,
                            const std::string& name) { return Feeds(id, output, name); },
        .ui = nullptr};
    if (WantsPreviews()) {
      call.on_preview = [this, id](const std::string& jpeg) {
        surroundings_.hub.SendPreview(prompt_.client_id, jpeg, PreviewData(id));
      };
    }
    const Json& inputs = prompt_.graph[id]["inputs"];
    for (const InputSpec& input : ClassOf(id).inputs) {
      if (!inputs.contains(input.name)) continue;
      const Json& value = inputs[input.name];
      if (IsLink(value)) {
        call.inputs[input.name] = results_.at(IdOf(value))->values.at(value[1].get<size_t>());
      } else {
        call.inputs[input.name] = std::make_shared<const NodeValue>(value);
      }
    }
    return call;
  }

  bool Feeds(const std::string& id, size_t output, const std::string& class_name) const {
    for (const std::string& other : order_) {
      if (cache_.count(keys_.at(other)) > 0 || ClassOf(other).name != class_name) continue;
      for (const Json& value : prompt_.graph[other]["inputs"]) {
        const bool is_link = IsLink(value) && value.size() == 2 && value[1].is_number_integer();
        if (is_link && IdOf(value) == id && value[1] == output) return true;
      }
    }
    return false;
  }

  Json PreviewData(const std::string& id) const {
    return {{"node_id", id},      {"display_node_id", id},   {"parent_node_id", nullptr},
            {"real_node_id", id}, {"prompt_id", prompt_.id}, {"image_type", "image/jpeg"}};
  }

  void Progress(const std::string& id, int value, int maximum) {
    SendState(id, value, maximum, "running");
    surroundings_.hub.SendOrBroadcast(
        prompt_.client_id, "progress",
        {{"value", value}, {"max", maximum}, {"prompt_id", prompt_.id}, {"node", id}});
  }

  bool Interrupted(const std::string& id) {
    ended_.interrupted = true;
    ended_.outputs = Json::object();
    Json data = {{"prompt_id", prompt_.id},
                 {"node_id", id},
                 {"node_type", ClassOf(id).name},
                 {"executed", executed_},
                 {"timestamp", NowMilliseconds()}};
    ended_.messages.push_back(Json::array({"execution_interrupted", data}));
    surroundings_.hub.SendOrBroadcast("", "execution_interrupted", std::move(data));
    return false;
  }

  bool Failed(const std::string& id, const absl::Status& status) {
    SendState(id, 0, 1, "error");
    const std::string message(status.message());
    ended_.error = {{"prompt_id", prompt_.id},
                    {"node_id", id},
                    {"node_type", ClassOf(id).name},
                    {"executed", executed_},
                    {"exception_message", message},
                    {"exception_type", absl::StatusCodeToString(status.code())},
                    {"traceback", Json::array({message})},
                    {"current_inputs", prompt_.graph[id]["inputs"]},
                    {"current_outputs", Json::array()}};
    Lifecycle("execution_error", ended_.error);
    return false;
  }

  const Prompt& prompt_;
  const NodeCatalogue& catalogue_;
  const RunSurroundings& surroundings_;
  const Json extra_pnginfo_;
  ResultCache& cache_;
  EndedPrompt ended_;
  std::map<std::string, std::string> keys_;  // by node
  std::vector<std::string> order_;
  std::map<std::string, std::shared_ptr<const CachedResult>> results_;  // by node
  std::set<std::string> used_;
  Json states_ = Json::object();
  Json executed_ = Json::array();
};

}  // namespace

int64_t NowMilliseconds() { return absl::ToUnixMillis(absl::Now()); }

EndedPrompt RunPrompt(const Prompt& prompt, const NodeCatalogue& catalogue,
                      const RunSurroundings& surroundings, ResultCache& cache) {
  return Run(prompt, catalogue, surroundings, cache).Execute();
}

}  // namespace patchbay::comfyui
