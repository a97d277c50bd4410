#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/comfyui/core_nodes.h"
#include "bridges/common/plugin_value.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr double kLargest = 1e9;

Json NumberOptions(const v1::Parameter& parameter, bool whole) {
  const double low = parameter.has_minimum() ? parameter.minimum() : -kLargest;
  const double high = parameter.has_maximum() ? parameter.maximum() : kLargest;
  // The page cannot draw a number without a step.
  const double step = parameter.step() > 0 ? parameter.step() : (whole ? 1 : 0.01);
  Json options = {{"default", JsonOfValue(parameter.default_value())}};
  if (whole) {
    options["min"] = static_cast<int64_t>(low);
    options["max"] = static_cast<int64_t>(high);
    options["step"] = std::max<int64_t>(1, static_cast<int64_t>(step));
  } else {
    options["min"] = low;
    options["max"] = high;
    options["step"] = step;
    options["round"] = false;
  }
  return options;
}

InputSpec InputOf(const v1::Parameter& parameter) {
  // Optional, so that graphs stay valid when a swapped build has a setting more.
  InputSpec input{parameter.id(),
                  "STRING",
                  {{"default", JsonOfValue(parameter.default_value())}},
                  /*required=*/false};
  switch (parameter.type()) {
    case v1::PARAMETER_TYPE_BOOL:
      input.type = "BOOLEAN";
      break;
    case v1::PARAMETER_TYPE_INT:
      input.type = "INT";
      input.options = NumberOptions(parameter, true);
      break;
    case v1::PARAMETER_TYPE_DOUBLE:
      input.type = "FLOAT";
      input.options = NumberOptions(parameter, false);
      break;
    case v1::PARAMETER_TYPE_CHOICE:
      input.type = Json::array();
      for (const v1::ParameterChoice& choice : parameter.choices())
        input.type.push_back(choice.id());
      break;
    case v1::PARAMETER_TYPE_PICTURE:
      input.type = "IMAGE";
      input.options = Json::object();
      break;
    default:
      input.options["multiline"] = parameter.multiline();
      break;
  }
  if (input.options.contains("default") && input.options["default"].is_null()) {
    input.options.erase("default");
  }
  if (!parameter.help().empty()) input.options["tooltip"] = parameter.help();
  if (parameter.advanced()) input.options["advanced"] = true;
  return input;
}

absl::Status SetValue(const v1::Parameter& parameter, NodeCall& call, v1::PluginChoice& choice) {
  if (!call.Has(parameter.id())) return absl::OkStatus();
  v1::ParameterValue& value = (*choice.mutable_settings())[parameter.id()];
  if (parameter.type() == v1::PARAMETER_TYPE_PICTURE) {
    const auto& pictures = call.Get<ImageValue>(parameter.id()).pictures;
    const bool is_clip = parameter.frames() && pictures.size() > 1;
    BRIDGE_ASSIGN_OR_RETURN(
        const std::string id,
        call.host.Upload(is_clip ? EncodeWebpAnimation(pictures) : EncodePng(pictures.at(0))));
    value.set_artifact_id(id);
    return absl::OkStatus();
  }
  BRIDGE_ASSIGN_OR_RETURN(value, ValueOfJson(parameter, call.Get<Json>(parameter.id())));
  return absl::OkStatus();
}

NodeClass NodeOf(const PluginDescription& plugin) {
  NodeClass node;
  node.name = absl::StrCat("Patchbay_", plugin.plugin.id());
  node.display_name = plugin.plugin.name().empty() ? plugin.plugin.id() : plugin.plugin.name();
  node.category = "patchbay";
  node.description = plugin.plugin.description();
  node.python_module = "custom_nodes.patchbay";
  node.build = plugin.plugin.build();
  std::vector<v1::Parameter> parameters = plugin.parameters;
  std::sort(parameters.begin(), parameters.end(),
            [](const auto& a, const auto& b) { return a.number() < b.number(); });
  node.inputs = {SocketInput("model", "MODEL")};
  for (const v1::Parameter& parameter : parameters) node.inputs.push_back(InputOf(parameter));
  node.outputs = {{"MODEL", "MODEL"}};
  const std::string id = plugin.plugin.id();
  node.run = [id, parameters](NodeCall& call) -> Values {
    ModelValue model = call.Get<ModelValue>("model");
    v1::PluginChoice choice;
    choice.set_plugin_id(id);
    for (const v1::Parameter& parameter : parameters) {
      BRIDGE_RETURN_IF_ERROR(SetValue(parameter, call, choice));
    }
    model.plugins.push_back(std::move(choice));
    return std::vector<NodeValue>{std::move(model)};
  };
  return node;
}

}  // namespace

void AddPluginNodes(const CatalogueSources& sources, NodeCatalogue& catalogue) {
  for (const PluginDescription& plugin : sources.plugins) Add(catalogue, NodeOf(plugin));
}

}  // namespace patchbay::comfyui
