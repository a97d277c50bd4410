#ifndef PATCHBAY_BRIDGES_COMFYUI_CORE_NODES_H_
#define PATCHBAY_BRIDGES_COMFYUI_CORE_NODES_H_

#include <string>
#include <vector>

#include "bridges/comfyui/node_class.h"

namespace patchbay::comfyui {

// What the lists of values in node classes are made from.
struct CatalogueSources {
  std::vector<std::string> checkpoints;  // as nodes name them
  std::vector<std::string> loras;        // as nodes name them: "film.safetensors"
  std::vector<std::string> input_pictures;
  std::vector<PluginDescription> plugins;
  std::string active_builds;  // names the plugins that act in all generations, and their settings
};

// Nodes of ComfyUI's core, with its names, inputs, ranges and defaults (nodes.py, comfy_extras).
void AddLoaderNodes(const CatalogueSources& sources, NodeCatalogue& catalogue);
void AddSamplingNodes(const CatalogueSources& sources, NodeCatalogue& catalogue);
void AddLatentNodes(NodeCatalogue& catalogue);
void AddImageNodes(const CatalogueSources& sources, NodeCatalogue& catalogue);
void AddMaskNodes(NodeCatalogue& catalogue);
void AddOutputNodes(NodeCatalogue& catalogue);
void AddPrimitiveNodes(NodeCatalogue& catalogue);
// One MODEL -> MODEL node for each plugin, made from its schema. Its class is "Patchbay_" and the
// plugin's id; inputs stand in the order of their numbers.
void AddPluginNodes(const CatalogueSources& sources, NodeCatalogue& catalogue);

// The host's name of a checkpoint as nodes name it. The name that ComfyUI's default workflow holds
// stands for the host's default model.
std::string HostModelName(const std::string& checkpoint);
// The checkpoint of ComfyUI's default workflow.
inline constexpr char kDefaultCheckpoint[] = "v1-5-pruned-emaonly-fp16.safetensors";

void Add(NodeCatalogue& catalogue, NodeClass node);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_CORE_NODES_H_
