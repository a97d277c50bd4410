#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/comfyui/core_nodes.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr char kPlugin[] = "ip-adapter";
constexpr char kCategory[] = "ipadapter";
constexpr size_t kMostPictures = 4;

// What these nodes call the layers that a picture speaks to, and what the plugin does.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kWeightTypes = {
    {{"linear", "all"},
     {"standard", "all"},
     {"style transfer", "style"},
     {"composition", "layout"},
     {"style and composition", "style+layout"}}};

std::string LayersOf(const std::string& weight_type) {
  for (const auto& [name, layers] : kWeightTypes) {
    if (name == weight_type) return std::string(layers);
  }
  return "";  // validation has refused it
}

std::vector<std::string> WeightTypes(const std::string& left_out) {
  std::vector<std::string> names;
  for (const auto& [name, layers] : kWeightTypes) {
    if (name != left_out) names.emplace_back(name);
  }
  return names;
}

// A file of the server's folder of plugins' files travels as its name.
NodeClass FileLoader(const std::string& name, const std::string& title, const std::string& input,
                     const std::string& type) {
  NodeClass node = MakeNode(
      name, title, kCategory, {TextInput(input, /*multiline=*/false)}, {type},
      [input](NodeCall& call) -> Values { return std::vector<NodeValue>{Json(call.Text(input))}; });
  node.description = "A file of the folder that the server was given as --plugin-files.";
  return node;
}

class Choice {
 public:
  explicit Choice(NodeCall& call) : call_(call) { choice_.set_plugin_id(kPlugin); }

  void Say(const std::string& setting, const Json& value) {
    v1::ParameterValue& given = (*choice_.mutable_settings())[setting];
    if (value.is_number()) {
      given.set_double_value(value.get<double>());
    } else {
      given.set_typed_value(value.get<std::string>());
    }
  }
  absl::Status Show(const std::string& setting, const Picture& picture) {
    BRIDGE_ASSIGN_OR_RETURN(const std::string id, call_.host.Upload(EncodePng(picture)));
    (*choice_.mutable_settings())[setting].set_artifact_id(id);
    return absl::OkStatus();
  }
  v1::PluginChoice Take() { return std::move(choice_); }

 private:
  NodeCall& call_;
  v1::PluginChoice choice_;
};

// "image", "image_2", "image_3", ...
std::string Numbered(const std::string& setting, size_t place) {
  return place == 0 ? setting : absl::StrCat(setting, "_", place + 1);
}

absl::Status ShowPictures(NodeCall& call, Choice& choice) {
  const std::vector<Picture>& pictures = call.Get<ImageValue>("image").pictures;
  if (pictures.size() > kMostPictures) {
    return absl::UnimplementedError(
        absl::StrCat("image: ", pictures.size(), " pictures; this server's IP-Adapter takes ",
                     kMostPictures, " at once, and further ones through a second node"));
  }
  for (size_t i = 0; i < pictures.size(); ++i) {
    BRIDGE_RETURN_IF_ERROR(choice.Show(Numbered("image", i), pictures[i]));
    if (!call.Has("attn_mask")) continue;
    const std::vector<Picture>& masks = call.Get<MaskValue>("attn_mask").masks;
    BRIDGE_RETURN_IF_ERROR(choice.Show(Numbered("mask", i), masks[std::min(i, masks.size() - 1)]));
  }
  return absl::OkStatus();
}

Values Apply(NodeCall& call) {
  if (call.Has("image_negative")) {
    return absl::UnimplementedError(
        "image_negative: this server's IP-Adapter has no negative picture; leave it out");
  }
  Choice choice(call);
  BRIDGE_RETURN_IF_ERROR(ShowPictures(call, choice));
  choice.Say("adapter", call.Get<Json>("ipadapter"));
  choice.Say("weight", call.Get<Json>("weight"));
  choice.Say("begin", call.Get<Json>("start_at"));
  choice.Say("end", call.Get<Json>("end_at"));
  choice.Say("layers", LayersOf(call.Text("weight_type")));
  if (call.Has("combine_embeds")) choice.Say("combine", call.Get<Json>("combine_embeds"));
  if (call.Has("clip_vision")) choice.Say("encoder", call.Get<Json>("clip_vision"));
  ModelValue model = call.Get<ModelValue>("model");
  model.plugins.push_back(choice.Take());
  return std::vector<NodeValue>{std::move(model)};
}

NodeClass ApplyNode(const std::string& name, const std::string& title,
                    std::vector<InputSpec> inputs, const std::string& build) {
  NodeClass node = MakeNode(name, title, kCategory, std::move(inputs), {"MODEL"}, Apply);
  node.python_module = "custom_nodes.patchbay";
  node.build = build;
  return node;
}

InputSpec Share(const std::string& name, double value) {
  return FloatInput(name, value, 0, 1, 0.001);
}

}  // namespace

void AddIpAdapterNodes(const CatalogueSources& sources, NodeCatalogue& catalogue) {
  const auto plugin =
      std::find_if(sources.plugins.begin(), sources.plugins.end(),
                   [](const PluginDescription& one) { return one.plugin.id() == kPlugin; });
  if (plugin == sources.plugins.end()) return;
  Add(catalogue,
      FileLoader("IPAdapterModelLoader", "IPAdapter Model Loader", "ipadapter_file", "IPADAPTER"));
  Add(catalogue, FileLoader("CLIPVisionLoader", "Load CLIP Vision", "clip_name", "CLIP_VISION"));
  const std::vector<InputSpec> first = {SocketInput("model", "MODEL"),
                                        SocketInput("ipadapter", "IPADAPTER")};
  const InputSpec image = SocketInput("image", "IMAGE");
  const InputSpec weight = FloatInput("weight", 1, 0, 2, 0.05);
  const InputSpec mask = SocketInput("attn_mask", "MASK", /*required=*/false);
  std::vector<InputSpec> simple = first;
  simple.insert(simple.end(), {image, weight, Share("start_at", 0), Share("end_at", 1),
                               ComboInput("weight_type", WeightTypes("linear")), mask});
  Add(catalogue, ApplyNode("IPAdapter", "IPAdapter", std::move(simple), plugin->plugin.build()));
  std::vector<InputSpec> advanced = first;
  advanced.insert(advanced.end(),
                  {image, weight, ComboInput("weight_type", WeightTypes("standard")),
                   ComboInput("combine_embeds", {"concat", "add"}), Share("start_at", 0),
                   Share("end_at", 1), ComboInput("embeds_scaling", {"V only"}),
                   SocketInput("image_negative", "IMAGE", /*required=*/false), mask,
                   SocketInput("clip_vision", "CLIP_VISION", /*required=*/false)});
  Add(catalogue, ApplyNode("IPAdapterAdvanced", "IPAdapter Advanced", std::move(advanced),
                           plugin->plugin.build()));
}

}  // namespace patchbay::comfyui
