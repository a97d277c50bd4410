#ifndef PATCHBAY_BRIDGES_COMFYUI_NODE_CLASS_H_
#define PATCHBAY_BRIDGES_COMFYUI_NODE_CLASS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "bridges/comfyui/node_value.h"
#include "bridges/comfyui/picture_folders.h"
#include "bridges/common/host_session.h"

namespace patchbay::comfyui {

// One input as object_info describes it: [type, {options}], type a name or, for a combo, the list
// of its values.
struct InputSpec {
  std::string name;
  Json type;
  Json options = Json::object();
  bool required = true;

  Json Describe() const { return Json::array({type, options}); }
};

struct OutputSpec {
  std::string type;
  std::string name;
};

// What a node may use and tell while it runs.
struct NodeCall {
  HostSession& host;
  PictureFolders& folders;
  std::string node_id;
  std::map<std::string, std::shared_ptr<const NodeValue>> inputs;
  const Json& prompt;         // the whole graph, for pictures' texts
  const Json& extra_pnginfo;  // the page's workflow, for pictures' texts
  std::function<bool()> is_interrupted;
  std::function<void(int value, int maximum)> on_progress;
  std::function<void(const std::string& jpeg)> on_preview;
  std::function<void(const std::string& png)> on_socket_picture;
  // Sets what ends the call to the host that is under way; empty: nothing does.
  std::function<void(std::function<void()>)> set_cancel;
  // Whether a node of this class, which still has to run for this prompt, uses the output.
  std::function<bool(size_t output, const std::string& class_name)> feeds;
  Json ui;  // what `executed` tells the page; null: nothing

  bool Has(const std::string& name) const { return inputs.count(name) > 0; }
  // The input of this type; validation has seen to it that it is there and fits.
  template <typename T>
  const T& Get(const std::string& name) const {
    return std::get<T>(*inputs.at(name));
  }
  int64_t Int(const std::string& name) const { return Get<Json>(name).get<int64_t>(); }
  double Float(const std::string& name) const { return Get<Json>(name).get<double>(); }
  std::string Text(const std::string& name) const { return Get<Json>(name).get<std::string>(); }
  bool Bool(const std::string& name) const { return Get<Json>(name).get<bool>(); }
};

// A class of nodes. Immutable.
struct NodeClass {
  std::string name;
  std::string display_name;
  std::string category;
  std::vector<InputSpec> inputs;
  std::vector<OutputSpec> outputs;
  bool is_output = false;
  std::function<absl::StatusOr<std::vector<NodeValue>>(NodeCall&)> run;

  std::string description = "";
  std::string python_module = "nodes";
  // What, besides its inputs, a result depends on: a file's content, a plugin's build. Part of the
  // cache's key.
  std::string build = "";
  std::function<std::string(const Json& inputs, const PictureFolders& folders)> change_token = {};
  // What is wrong with a literal value, where the ranges do not tell; empty: nothing.
  std::function<std::string(const Json& inputs, const PictureFolders& folders)> check = {};
  // Inputs that `check` looks at instead of the list of values.
  std::string checked_input = "";
  // Whether the plugins that are active for all generations take part in what it does.
  bool draws = false;

  Json Describe() const;
  const InputSpec* FindInput(const std::string& input) const;
};

using NodeCatalogue = std::map<std::string, NodeClass>;

// Inputs in short.
InputSpec IntInput(const std::string& name, int64_t value, int64_t low, Json high, int step = 1);
InputSpec FloatInput(const std::string& name, double value, double low, double high, double step);
InputSpec TextInput(const std::string& name, bool multiline, const std::string& value = "");
InputSpec BoolInput(const std::string& name, bool value);
InputSpec ComboInput(const std::string& name, const std::vector<std::string>& values);
InputSpec SocketInput(const std::string& name, const std::string& type, bool required = true);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_NODE_CLASS_H_
