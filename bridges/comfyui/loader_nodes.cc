#include <utility>

#include "absl/strings/match.h"
#include "bridges/comfyui/core_nodes.h"

namespace patchbay::comfyui {
namespace {

constexpr char kLoaders[] = "loaders";

std::string WithoutSuffix(const std::string& file) {
  constexpr std::string_view kSuffix = ".safetensors";
  return absl::EndsWith(file, std::string(kSuffix)) ? file.substr(0, file.size() - kSuffix.size())
                                                    : file;
}

// The host's name of a checkpoint as nodes name it.
std::string HostModelName(const std::string& checkpoint, const std::string& default_model) {
  return checkpoint == kDefaultCheckpoint ? default_model : WithoutSuffix(checkpoint);
}

std::vector<NodeValue> LoadedCheckpoint(const std::string& model) {
  ClipValue clip;
  clip.model = model;
  return {ModelValue{model, {}, {}}, std::move(clip), VaeValue{model}};
}

InputSpec Strength(const std::string& name) { return FloatInput(name, 1.0, -100.0, 100.0, 0.01); }

// Without strength it is not there.
void AddLora(const std::string& name, double weight, std::vector<LoraChoice>& loras) {
  if (weight != 0) loras.push_back({name, weight});
}

NodeClass LoraLoader(const CatalogueSources& sources, bool with_clip) {
  NodeClass node;
  node.name = with_clip ? "LoraLoader" : "LoraLoaderModelOnly";
  node.display_name = with_clip ? "Load LoRA" : "LoraLoaderModelOnly";
  node.category = kLoaders;
  node.inputs = {SocketInput("model", "MODEL")};
  if (with_clip) node.inputs.push_back(SocketInput("clip", "CLIP"));
  node.inputs.push_back(ComboInput("lora_name", sources.loras));
  node.inputs.push_back(Strength("strength_model"));
  if (with_clip) node.inputs.push_back(Strength("strength_clip"));
  node.outputs = {{"MODEL", "MODEL"}};
  if (with_clip) node.outputs.push_back({"CLIP", "CLIP"});
  node.run = [with_clip](NodeCall& call) -> absl::StatusOr<std::vector<NodeValue>> {
    const std::string name = WithoutSuffix(call.Text("lora_name"));
    ModelValue model = call.Get<ModelValue>("model");
    AddLora(name, call.Float("strength_model"), model.loras);
    std::vector<NodeValue> values = {std::move(model)};
    if (with_clip) {
      ClipValue clip = call.Get<ClipValue>("clip");
      AddLora(name, call.Float("strength_clip"), clip.loras);
      values.emplace_back(std::move(clip));
    }
    return values;
  };
  return node;
}

// A loader of one part. Parts are not kept apart on the host: the part of a checkpoint is meant.
// The names in `inputs` must mean one checkpoint.
NodeClass PartLoader(const std::string& name, const std::string& title,
                     const std::vector<std::string>& names, const std::string& output,
                     const CatalogueSources& sources, size_t part) {
  NodeClass node =
      MakeNode(name, title, name == "VAELoader" ? kLoaders : "advanced/loaders", {}, {output}, {});
  for (const std::string& input : names) {
    node.inputs.push_back(ComboInput(input, sources.checkpoints));
  }
  node.build = sources.default_model;
  node.run = [names, part, standard = sources.default_model](
                 NodeCall& call) -> absl::StatusOr<std::vector<NodeValue>> {
    const std::string model = HostModelName(call.Text(names.front()), standard);
    if (HostModelName(call.Text(names.back()), standard) != model) {
      return absl::UnimplementedError(
          "this server draws with a checkpoint's own text encoders; name one checkpoint twice");
    }
    return std::vector<NodeValue>{LoadedCheckpoint(model)[part]};
  };
  return node;
}

}  // namespace

void Add(NodeCatalogue& catalogue, NodeClass node) {
  std::string name = node.name;
  catalogue.insert_or_assign(std::move(name), std::move(node));
}

NodeClass MakeNode(const std::string& name, const std::string& title, const std::string& category,
                   std::vector<InputSpec> inputs, const std::vector<std::string>& outputs,
                   std::function<absl::StatusOr<std::vector<NodeValue>>(NodeCall&)> run) {
  NodeClass node;
  node.name = name;
  node.display_name = title;
  node.category = category;
  node.inputs = std::move(inputs);
  for (const std::string& type : outputs) node.outputs.push_back({type, type});
  node.run = std::move(run);
  return node;
}

void AddLoaderNodes(const CatalogueSources& sources, NodeCatalogue& catalogue) {
  NodeClass checkpoint = MakeNode(
      "CheckpointLoaderSimple", "Load Checkpoint", kLoaders,
      {ComboInput("ckpt_name", sources.checkpoints)}, {"MODEL", "CLIP", "VAE"},
      [standard = sources.default_model](NodeCall& call) -> absl::StatusOr<std::vector<NodeValue>> {
        return LoadedCheckpoint(HostModelName(call.Text("ckpt_name"), standard));
      });
  checkpoint.build = sources.default_model;
  Add(catalogue, std::move(checkpoint));
  Add(catalogue, LoraLoader(sources, true));
  Add(catalogue, LoraLoader(sources, false));
  NodeClass unet =
      PartLoader("UNETLoader", "Load Diffusion Model", {"unet_name"}, "MODEL", sources, 0);
  unet.inputs.push_back(ComboInput("weight_dtype", {"default"}));
  Add(catalogue, std::move(unet));
  NodeClass clip = PartLoader("CLIPLoader", "Load CLIP", {"clip_name"}, "CLIP", sources, 1);
  clip.inputs.push_back(ComboInput("type", {"stable_diffusion"}));
  Add(catalogue, std::move(clip));
  NodeClass both = PartLoader("DualCLIPLoader", "DualCLIPLoader", {"clip_name1", "clip_name2"},
                              "CLIP", sources, 1);
  both.inputs.push_back(ComboInput("type", {"sdxl"}));
  Add(catalogue, std::move(both));
  Add(catalogue, PartLoader("VAELoader", "Load VAE", {"vae_name"}, "VAE", sources, 2));
}

}  // namespace patchbay::comfyui
