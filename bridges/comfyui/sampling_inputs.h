#ifndef PATCHBAY_BRIDGES_COMFYUI_SAMPLING_INPUTS_H_
#define PATCHBAY_BRIDGES_COMFYUI_SAMPLING_INPUTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "bridges/comfyui/core_nodes.h"

namespace patchbay::comfyui {

// What sampler nodes of all kinds have in common.

// A seed: any 64-bit number.
InputSpec SeedInput(const std::string& name);
uint64_t SeedOf(const NodeCall& call, const char* name);

// The guidance scale, "cfg".
InputSpec CfgInput();

// The samplers that the host can draw with.
std::vector<std::string> SamplerNamesOf(const CatalogueSources& sources);

// Adds a node that draws: what it makes also depends on the plugins that act in all generations.
void AddDrawing(const CatalogueSources& sources, NodeClass node, NodeCatalogue& catalogue);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_SAMPLING_INPUTS_H_
