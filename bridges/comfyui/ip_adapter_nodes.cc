#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "bridges/comfyui/core_nodes.h"
#include "bridges/comfyui/ip_adapter_presets.h"
#include "bridges/comfyui/ip_adapter_weights.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr char kPlugin[] = "ip-adapter";
constexpr char kCategory[] = "ipadapter";
constexpr size_t kMostPictures = 4;

constexpr char kOnlyEmbedding[] = "concat";

std::vector<std::string> Names(absl::Span<const std::string_view> names) {
  return {names.begin(), names.end()};
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
    } else if (value.is_array()) {
      for (const Json& one : value) {
        given.mutable_list_value()->add_values()->set_double_value(one.get<double>());
      }
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

// Several pictures are one attention's tokens; what else the package does with them is refused.
absl::Status CheckSeveralPictures(NodeCall& call) {
  if (call.Has("combine_embeds") && call.Text("combine_embeds") != kOnlyEmbedding) {
    return absl::UnimplementedError(
        absl::StrCat("combine_embeds: this server's IP-Adapter cannot bring the embeddings of "
                     "several pictures together by \"",
                     call.Text("combine_embeds"), "\"; take \"", kOnlyEmbedding,
                     "\", or a node for each picture"));
  }
  if (call.Has("attn_mask")) {
    return absl::UnimplementedError(
        "attn_mask: this server's IP-Adapter cannot put one mask on several pictures together; "
        "take a node for each picture");
  }
  return absl::OkStatus();
}

absl::Status ShowPictures(NodeCall& call, Choice& choice) {
  const std::vector<Picture>& pictures = call.Get<ImageValue>("image").pictures;
  if (pictures.size() > kMostPictures) {
    return absl::UnimplementedError(
        absl::StrCat("image: ", pictures.size(), " pictures; this server's IP-Adapter takes ",
                     kMostPictures, " at once, and further ones through a second node"));
  }
  if (pictures.size() > 1) {
    BRIDGE_RETURN_IF_ERROR(CheckSeveralPictures(call));
  }
  for (size_t i = 0; i < pictures.size(); ++i) {
    BRIDGE_RETURN_IF_ERROR(choice.Show(Numbered("image", i), pictures[i]));
    if (!call.Has("attn_mask")) continue;
    BRIDGE_RETURN_IF_ERROR(choice.Show("mask", call.Get<MaskValue>("attn_mask").masks[0]));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> FamilyOf(NodeCall& call, const ModelValue& model) {
  BRIDGE_ASSIGN_OR_RETURN(const Json described, call.host.InspectModel(model.model));
  return described.value("family", "");
}

// An adapter is its file's name, or, where a preset chose it, its and its encoder's.
constexpr char kAdapter[] = "adapter";
constexpr char kEncoder[] = "encoder";

Values LoadPreset(NodeCall& call) {
  const ModelValue& model = call.Get<ModelValue>("model");
  BRIDGE_ASSIGN_OR_RETURN(const std::string family, FamilyOf(call, model));
  BRIDGE_ASSIGN_OR_RETURN(const IpAdapterFiles files,
                          FilesOfIpAdapterPreset(call.Text("preset"), family));
  return std::vector<NodeValue>{model, Json{{kAdapter, files.adapter}, {kEncoder, files.encoder}}};
}

void SayFiles(NodeCall& call, Choice& choice) {
  const Json& adapter = call.Get<Json>("ipadapter");
  choice.Say(kAdapter, adapter.is_object() ? adapter[kAdapter] : adapter);
  if (call.Has("clip_vision")) {
    choice.Say(kEncoder, call.Get<Json>("clip_vision"));
  } else if (adapter.is_object()) {
    choice.Say(kEncoder, adapter[kEncoder]);
  }
}

absl::Status SayWeights(NodeCall& call, const ModelValue& model, Choice& choice) {
  BRIDGE_ASSIGN_OR_RETURN(const std::string family, FamilyOf(call, model));
  const Json weight = call.Get<Json>("weight");
  BRIDGE_ASSIGN_OR_RETURN(
      const std::vector<double> blocks,
      IpAdapterBlockWeights(call.Text("weight_type"), weight.get<double>(), family));
  choice.Say("weight", blocks.empty() ? weight : Json(1.0));
  if (!blocks.empty()) choice.Say("block_weights", Json(blocks));
  return absl::OkStatus();
}

Values Apply(NodeCall& call) {
  if (call.Has("image_negative")) {
    return absl::UnimplementedError(
        "image_negative: this server's IP-Adapter has no negative picture; leave it out");
  }
  Choice choice(call);
  BRIDGE_RETURN_IF_ERROR(ShowPictures(call, choice));
  SayFiles(call, choice);
  choice.Say("begin", call.Get<Json>("start_at"));
  choice.Say("end", call.Get<Json>("end_at"));
  ModelValue model = call.Get<ModelValue>("model");
  BRIDGE_RETURN_IF_ERROR(SayWeights(call, model, choice));
  model.plugins.push_back(choice.Take());
  return std::vector<NodeValue>{std::move(model)};
}

NodeClass PresetLoader(const std::string& name, const std::string& title,
                       const std::vector<std::string>& presets) {
  NodeClass node = MakeNode(name, title, kCategory,
                            {SocketInput("model", "MODEL"), ComboInput("preset", presets),
                             SocketInput("ipadapter", "IPADAPTER", /*required=*/false)},
                            {"MODEL", "IPADAPTER"}, LoadPreset);
  node.description =
      "A published adapter and its encoder, under the names of ComfyUI_IPAdapter_plus's "
      "installation, in the folder that the server was given as --plugin-files.";
  return node;
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
  Add(catalogue,
      PresetLoader("IPAdapterUnifiedLoader", "IPAdapter Unified Loader", IpAdapterPresets()));
  Add(catalogue, PresetLoader("IPAdapterUnifiedLoaderCommunity",
                              "IPAdapter Unified Loader Community", CommunityIpAdapterPresets()));
  const std::vector<InputSpec> first = {SocketInput("model", "MODEL"),
                                        SocketInput("ipadapter", "IPADAPTER")};
  const InputSpec image = SocketInput("image", "IMAGE");
  const InputSpec weight = FloatInput("weight", 1, 0, 2, 0.05);
  const InputSpec mask = SocketInput("attn_mask", "MASK", /*required=*/false);
  std::vector<InputSpec> simple = first;
  simple.insert(simple.end(),
                {image, weight, Share("start_at", 0), Share("end_at", 1),
                 ComboInput("weight_type", Names(kSimpleIpAdapterWeightTypes)), mask});
  Add(catalogue, ApplyNode("IPAdapter", "IPAdapter", std::move(simple), plugin->plugin.build()));
  std::vector<InputSpec> advanced = first;
  advanced.insert(
      advanced.end(),
      {image, weight, ComboInput("weight_type", Names(kIpAdapterWeightTypes)),
       ComboInput("combine_embeds", {kOnlyEmbedding, "add", "subtract", "average", "norm average"}),
       Share("start_at", 0), Share("end_at", 1), ComboInput("embeds_scaling", {"V only"}),
       SocketInput("image_negative", "IMAGE", /*required=*/false), mask,
       SocketInput("clip_vision", "CLIP_VISION", /*required=*/false)});
  Add(catalogue, ApplyNode("IPAdapterAdvanced", "IPAdapter Advanced", std::move(advanced),
                           plugin->plugin.build()));
}

}  // namespace patchbay::comfyui
