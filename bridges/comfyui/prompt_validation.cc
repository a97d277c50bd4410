#include "bridges/comfyui/prompt_validation.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bridges/comfyui/literal_value.h"
#include "bridges/comfyui/untranslatable_nodes.h"

namespace patchbay::comfyui {
namespace {

constexpr size_t kMaxNodes = 5000;
// Nodes in a row, as deep as ComfyUI's own validation gets.
constexpr size_t kMostLevels = 900;

Json Whole(const std::string& type, const std::string& message, const std::string& details,
           Json extra = Json::object()) {
  return {
      {"type", type}, {"message", message}, {"details", details}, {"extra_info", std::move(extra)}};
}

// Whether an output's type may go into an input of this type: equal, "*", or one of "A,B".
bool TypesFit(const std::string& received, const Json& wanted) {
  if (wanted.is_array()) return received == "COMBO" || received == "STRING";
  const auto type = wanted.get<std::string>();
  if (type == "*" || received == "*" || received == type) return true;
  for (const auto& part : absl::StrSplit(type, ',')) {
    if (part == received) return true;
  }
  return false;
}

class Validator {
 public:
  Validator(const NodeCatalogue& catalogue, const PictureFolders& folders, Json& prompt)
      : catalogue_(catalogue), folders_(folders), prompt_(prompt) {}

  struct Node {
    bool valid = true;
    bool done = false;
    Json errors = Json::array();
    std::set<std::string> needed;  // the nodes that it is linked to
  };

  // Looks at a node and all that it needs, each once.
  const Node& Validate(const std::string& id) {
    Node& node = nodes_[id];
    if (node.done) return node;
    if (underway_.size() >= kMostLevels) {
      Fail(node, absl::StrCat("more than ", kMostLevels, " nodes wait for one another"));
      return node;
    }
    if (!underway_.insert(id).second) {
      Fail(node, "the graph has a cycle through this node");
      return node;
    }
    Json& entry = prompt_[id];
    const NodeClass& node_class = catalogue_.at(entry["class_type"].get<std::string>());
    if (!entry.contains("inputs") || !entry["inputs"].is_object()) {
      Fail(node, "the node has no inputs");
    } else {
      for (const InputSpec& input : node_class.inputs) {
        ValidateInput(node_class, input, entry["inputs"], node);
      }
      RunCheck(node_class, entry["inputs"], node);
    }
    underway_.erase(id);
    node.done = true;
    node.valid = node.valid && node.errors.empty();
    return node;
  }

  const std::map<std::string, Node>& nodes() const { return nodes_; }

  // The node and all that it needs.
  std::set<std::string> ReachedFrom(const std::string& id) const {
    std::set<std::string> reached = {id};
    std::vector<std::string> next = {id};
    while (!next.empty()) {
      const std::string at = std::move(next.back());
      next.pop_back();
      for (const std::string& needed : nodes_.at(at).needed) {
        if (reached.insert(needed).second) next.push_back(needed);
      }
    }
    return reached;
  }

 private:
  static void Fail(Node& node, const std::string& reason) {
    node.valid = false;
    node.errors.push_back(
        InputError("exception_during_validation", "Exception when validating node", reason,
                   {{"exception_type", "ValueError"}, {"traceback", Json::array({reason})}}));
  }

  void ValidateInput(const NodeClass& node_class, const InputSpec& input, Json& inputs,
                     Node& node) {
    const auto value = inputs.find(input.name);
    if (value == inputs.end()) {
      if (!input.required) return;
      node.errors.push_back(InputError("required_input_missing", "Required input is missing",
                                       input.name, {{"input_name", input.name}}));
      return;
    }
    if (IsLink(*value)) {
      ValidateLink(input, *value, node);
      return;
    }
    const bool check_list = node_class.checked_input != input.name;
    if (auto error = ConvertLiteral(input, check_list, *value)) {
      node.errors.push_back(*std::move(error));
    } else if (!input.type.is_array() && !IsLiteralType(input.type.get<std::string>())) {
      // A socket with a literal: nothing can be made of it.
      node.errors.push_back(InputError(
          "bad_linked_input", "Bad linked input, must be a length-2 list of [node_id, slot_index]",
          input.name,
          {{"input_name", input.name},
           {"input_config", input.Describe()},
           {"received_value", *value}}));
    }
  }

  static bool IsLiteralType(const std::string& type) {
    return type == "INT" || type == "FLOAT" || type == "STRING" || type == "BOOLEAN" || type == "*";
  }

  void ValidateLink(const InputSpec& input, const Json& link, Node& node) {
    Json extra = {
        {"input_name", input.name}, {"input_config", input.Describe()}, {"received_value", link}};
    if (link.size() != 2) {
      node.errors.push_back(InputError(
          "bad_linked_input", "Bad linked input, must be a length-2 list of [node_id, slot_index]",
          input.name, std::move(extra)));
      return;
    }
    const std::string source = link[0].is_string() ? link[0].get<std::string>() : link[0].dump();
    if (!prompt_.contains(source)) {
      return Fail(node, absl::StrCat("the input ", input.name, " is linked to the node '", source,
                                     "', which does not exist"));
    }
    const NodeClass& linked = catalogue_.at(prompt_[source]["class_type"].get<std::string>());
    const int64_t slot = link[1].is_number_integer() ? link[1].get<int64_t>() : -1;
    if (slot < 0 || slot >= static_cast<int64_t>(linked.outputs.size())) {
      return Fail(node,
                  absl::StrCat("the input ", input.name, " is linked to output ", link[1].dump(),
                               " of ", linked.name, ", which has ", linked.outputs.size()));
    }
    const std::string& received = linked.outputs[slot].type;
    if (!TypesFit(received, input.type)) {
      const std::string wanted =
          input.type.is_string() ? input.type.get<std::string>() : input.type.dump();
      extra.erase("received_value");
      extra["received_type"] = received;
      extra["linked_node"] = link;
      node.errors.push_back(InputError("return_type_mismatch",
                                       "Return type mismatch between linked nodes",
                                       absl::StrCat(input.name, ", received_type(", received,
                                                    ") mismatch input_type(", wanted, ")"),
                                       std::move(extra)));
      return;
    }
    node.valid = Validate(source).valid && node.valid;
    node.needed.insert(source);
  }

  void RunCheck(const NodeClass& node_class, const Json& inputs, Node& node) const {
    if (!node_class.check || !node.errors.empty()) return;
    const std::string complaint = node_class.check(inputs, folders_);
    if (complaint.empty()) return;
    const std::string& name = node_class.checked_input;
    node.errors.push_back(InputError("custom_validation_failed",
                                     "Custom validation failed for node",
                                     absl::StrCat(name, " - ", complaint),
                                     {{"input_name", name},
                                      {"input_config", node_class.FindInput(name)->Describe()},
                                      {"received_value", inputs.at(name)}}));
  }

  const NodeCatalogue& catalogue_;
  const PictureFolders& folders_;
  Json& prompt_;
  std::map<std::string, Node> nodes_;
  std::set<std::string> underway_;
};

// Errors that make the whole graph unreadable.
Json CheckClasses(const NodeCatalogue& catalogue, const Json& prompt) {
  if (!prompt.is_object()) return Whole("invalid_prompt", "The prompt is no object", "");
  if (prompt.size() > kMaxNodes) {
    return Whole("invalid_prompt", "The prompt has too many nodes",
                 absl::StrCat("at most ", kMaxNodes));
  }
  for (const auto& [id, node] : prompt.items()) {
    const std::string details = absl::StrCat("Node ID '#", id, "'");
    const bool has_class =
        node.is_object() && node.contains("class_type") && node["class_type"].is_string();
    if (!has_class) {
      return Whole("invalid_prompt",
                   "Cannot execute because a node is missing the class_type property.", details);
    }
    const auto name = node["class_type"].get<std::string>();
    if (catalogue.count(name) > 0) continue;
    std::string title = name;
    if (const auto meta = node.find("_meta"); meta != node.end() && meta->is_object() &&
                                              meta->contains("title") &&
                                              (*meta)["title"].is_string()) {
      title = (*meta)["title"].get<std::string>();
    }
    const std::string reason = WhyNotOffered(name);
    return Whole("missing_node_type",
                 absl::StrCat("Cannot execute because node ", name, " does not exist.",
                              reason.empty() ? "" : " ", reason),
                 details, {{"node_id", id}, {"class_type", name}, {"node_title", title}});
  }
  return nullptr;
}

}  // namespace

bool IsLink(const Json& value) { return value.is_array(); }

ValidatedPrompt ValidatePrompt(const NodeCatalogue& catalogue, const PictureFolders& folders,
                               const std::set<std::string>& targets, Json& prompt) {
  ValidatedPrompt result;
  result.error = CheckClasses(catalogue, prompt);
  if (!result.error.is_null()) return result;
  std::vector<std::string> outputs;
  for (const auto& [id, node] : prompt.items()) {
    const bool is_output = catalogue.at(node["class_type"].get<std::string>()).is_output;
    if (is_output && (targets.empty() || targets.count(id) > 0)) outputs.push_back(id);
  }
  if (outputs.empty()) {
    result.error = Whole("prompt_no_outputs", "Prompt has no outputs", "");
    return result;
  }
  Validator validator(catalogue, folders, prompt);
  for (const std::string& output : outputs) {
    if (validator.Validate(output).valid) result.outputs.push_back(output);
  }
  std::map<std::string, Json> dependents;  // by node with errors
  for (const auto& [id, node] : validator.nodes()) {
    if (!node.errors.empty()) dependents[id] = Json::array();
  }
  for (const std::string& output : outputs) {
    if (dependents.empty()) break;
    for (const std::string& id : validator.ReachedFrom(output)) {
      if (const auto found = dependents.find(id); found != dependents.end()) {
        found->second.push_back(output);
      }
    }
  }
  std::string details;
  for (const auto& [id, node] : validator.nodes()) {
    if (node.errors.empty()) continue;
    result.node_errors[id] = {{"errors", node.errors},
                              {"dependent_outputs", std::move(dependents.at(id))},
                              {"class_type", prompt[id]["class_type"]}};
    for (const Json& error : node.errors) {
      absl::StrAppend(&details, details.empty() ? "" : "\n", "* ",
                      prompt[id]["class_type"].get<std::string>(), " ", id, ": ",
                      error["message"].get<std::string>());
    }
  }
  if (result.outputs.empty()) {
    result.error =
        Whole("prompt_outputs_failed_validation", "Prompt outputs failed validation", details);
  }
  return result;
}

}  // namespace patchbay::comfyui
