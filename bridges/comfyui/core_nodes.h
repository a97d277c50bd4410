#ifndef PATCHBAY_BRIDGES_COMFYUI_CORE_NODES_H_
#define PATCHBAY_BRIDGES_COMFYUI_CORE_NODES_H_

#include <functional>
#include <string>
#include <vector>

#include "bridges/comfyui/node_class.h"

namespace patchbay::comfyui {

// What the lists of values in node classes are made from.
struct CatalogueSources {
  std::vector<std::string> checkpoints;  // as nodes name them
  std::vector<std::string> loras;        // as nodes name them: "film.safetensors"
  std::vector<std::string> input_pictures;
  std::vector<std::string> input_latents;
  std::string default_model;  // the host's name of it; empty: it has none
  std::vector<PluginDescription> plugins;
  std::string active_builds;  // names the plugins that act in all generations, and their settings
};

// Nodes of ComfyUI's core, with its names, inputs, ranges and defaults (nodes.py, comfy_extras).
void AddLoaderNodes(const CatalogueSources& sources, NodeCatalogue& catalogue);
void AddSamplingNodes(const CatalogueSources& sources, NodeCatalogue& catalogue);
void AddCustomSamplingNodes(const CatalogueSources& sources, NodeCatalogue& catalogue);
void AddSigmasNodes(NodeCatalogue& catalogue);
void AddConditioningNodes(NodeCatalogue& catalogue);
void AddAutoencoderNodes(NodeCatalogue& catalogue);
void AddLatentNodes(NodeCatalogue& catalogue);
void AddLatentBatchNodes(NodeCatalogue& catalogue);
void AddLatentTransformNodes(NodeCatalogue& catalogue);
void AddLatentBlendNodes(NodeCatalogue& catalogue);
void AddLatentFileNodes(const CatalogueSources& sources, NodeCatalogue& catalogue);
void AddImageNodes(const CatalogueSources& sources, NodeCatalogue& catalogue);
void AddImageBlendNodes(NodeCatalogue& catalogue);
void AddMaskNodes(NodeCatalogue& catalogue);
void AddOutputNodes(NodeCatalogue& catalogue);
void AddPrimitiveNodes(NodeCatalogue& catalogue);
// One MODEL -> MODEL node for each plugin, made from its schema. Its class is "Patchbay_" and the
// plugin's id; inputs stand in the order of their numbers.
void AddPluginNodes(const CatalogueSources& sources, NodeCatalogue& catalogue);
// The nodes of the custom package that most workflows with IP-Adapters are made with
// (ComfyUI_IPAdapter_plus), by the plugin ip-adapter; none where the host has it not. They take the
// values that it can follow.
void AddIpAdapterNodes(const CatalogueSources& sources, NodeCatalogue& catalogue);

// The checkpoint of ComfyUI's default workflow; it stands for the host's default model.
inline constexpr char kDefaultCheckpoint[] = "v1-5-pruned-emaonly-fp16.safetensors";
// Pixels along a side, at most (ComfyUI's MAX_RESOLUTION).
inline constexpr int kMaxSide = 16384;

// What most nodes are made of; `outputs` are types, which are also the names.
NodeClass MakeNode(const std::string& name, const std::string& title, const std::string& category,
                   std::vector<InputSpec> inputs, const std::vector<std::string>& outputs,
                   std::function<absl::StatusOr<std::vector<NodeValue>>(NodeCall&)> run);
void Add(NodeCatalogue& catalogue, NodeClass node);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_CORE_NODES_H_
