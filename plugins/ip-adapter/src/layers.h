#ifndef PATCHBAY_PLUGINS_IP_ADAPTER_SRC_LAYERS_H_
#define PATCHBAY_PLUGINS_IP_ADAPTER_SRC_LAYERS_H_

#include <string>
#include <vector>

#include "patchbay/abi/model.h"

namespace ip_adapter {

// Which cross-attentions a picture speaks to (InstantStyle, arXiv:2404.02733).
enum class Layers { kAll, kStyle, kLayout, kStyleAndLayout };

// How strongly each cross-attention of `names` (diffusers paths, in the order in which the network
// runs) is spoken to: 1 where `layers` chooses it, else 0; times block_weights, which has a number
// for each transformer in the same order, or is empty. Throws patchbay::Error when the family has
// no such layers, or when there are more or fewer numbers than transformers.
std::vector<double> LayerWeights(const std::vector<std::string>& names,
                                 patchbay_model_family family, Layers layers,
                                 const std::vector<double>& block_weights);

}  // namespace ip_adapter

#endif  // PATCHBAY_PLUGINS_IP_ADAPTER_SRC_LAYERS_H_
