#include <utility>

#include "absl/strings/match.h"
#include "bridges/comfyui/core_nodes.h"

namespace patchbay::comfyui {
namespace {

constexpr char kLoaders[] = "loaders";

std::vector<NodeValue> LoadedCheckpoint(const std::string& checkpoint) {
  const std::string model = HostModelName(checkpoint);
  return {ModelValue{model, {}, {}}, ClipValue{model, {}, 0}, VaeValue{model}};
}

std::string LoraName(const std::string& file) {
  constexpr std::string_view kSuffix = ".safetensors";
  return absl::EndsWith(file, std::string(kSuffix)) ? file.substr(0, file.size() - kSuffix.size())
                                                    : file;
}

InputSpec Strength(const std::string& name) { return FloatInput(name, 1.0, -100.0, 100.0, 0.01); }

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
    const std::string name = LoraName(call.Text("lora_name"));
    ModelValue model = call.Get<ModelValue>("model");
    model.loras.push_back({name, call.Float("strength_model")});
    std::vector<NodeValue> values = {std::move(model)};
    if (with_clip) {
      ClipValue clip = call.Get<ClipValue>("clip");
      clip.loras.push_back({name, call.Float("strength_clip")});
      values.emplace_back(std::move(clip));
    }
    return values;
  };
  return node;
}

// A loader of one part. Parts are not kept apart on the host: the part of a checkpoint is meant.
NodeClass PartLoader(const std::string& name, const std::string& title, const std::string& input,
                     const std::string& output, const CatalogueSources& sources, size_t part) {
  NodeClass node;
  node.name = name;
  node.display_name = title;
  node.category = name == "VAELoader" ? kLoaders : "advanced/loaders";
  node.inputs = {ComboInput(input, sources.checkpoints)};
  if (name == "UNETLoader") node.inputs.push_back(ComboInput("weight_dtype", {"default"}));
  if (name == "CLIPLoader") node.inputs.push_back(ComboInput("type", {"stable_diffusion"}));
  node.outputs = {{output, output}};
  node.run = [input, part](NodeCall& call) -> absl::StatusOr<std::vector<NodeValue>> {
    return std::vector<NodeValue>{LoadedCheckpoint(call.Text(input))[part]};
  };
  return node;
}

}  // namespace

void Add(NodeCatalogue& catalogue, NodeClass node) {
  std::string name = node.name;
  catalogue.insert_or_assign(std::move(name), std::move(node));
}

std::string HostModelName(const std::string& checkpoint) {
  if (checkpoint == kDefaultCheckpoint) return "";
  return LoraName(checkpoint);
}

void AddLoaderNodes(const CatalogueSources& sources, NodeCatalogue& catalogue) {
  NodeClass checkpoint;
  checkpoint.name = "CheckpointLoaderSimple";
  checkpoint.display_name = "Load Checkpoint";
  checkpoint.category = kLoaders;
  checkpoint.inputs = {ComboInput("ckpt_name", sources.checkpoints)};
  checkpoint.outputs = {{"MODEL", "MODEL"}, {"CLIP", "CLIP"}, {"VAE", "VAE"}};
  checkpoint.run = [](NodeCall& call) -> absl::StatusOr<std::vector<NodeValue>> {
    return LoadedCheckpoint(call.Text("ckpt_name"));
  };
  Add(catalogue, std::move(checkpoint));
  Add(catalogue, LoraLoader(sources, true));
  Add(catalogue, LoraLoader(sources, false));
  Add(catalogue,
      PartLoader("UNETLoader", "Load Diffusion Model", "unet_name", "MODEL", sources, 0));
  Add(catalogue, PartLoader("CLIPLoader", "Load CLIP", "clip_name", "CLIP", sources, 1));
  Add(catalogue, PartLoader("VAELoader", "Load VAE", "vae_name", "VAE", sources, 2));
}

}  // namespace patchbay::comfyui
