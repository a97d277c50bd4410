#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_TEMPORAL_LORA_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_TEMPORAL_LORA_H_

#include <ATen/ATen.h>

#include <string>
#include <utility>
#include <vector>

#include "plugins/animatediff/src/motion_module.h"

namespace animatediff {

// A change of rank r to a linear layer (arXiv:2106.09685): y = W x + m up(down(x)).
struct LowRank {
  at::Tensor down;  // [r, inputs]
  at::Tensor up;    // [outputs, r]
};

// Those of one motion module, at the places that Be-Your-Outpainter trains (arXiv:2403.13745): the
// attentions' queries, keys and values and the feed-forwards' last layers. Its code also makes some
// for the feed-forwards' first layers, where nothing reads them; there are none of these here.
struct ModuleLora {
  struct Attention {
    LowRank query, key, value;
  };
  struct Layer {
    std::vector<Attention> attentions;
    LowRank feed_out;
  };
  std::vector<Layer> layers;
};

// With places as the module has them and undefined tensors.
ModuleLora EmptyLora(const MotionModule& module);

// One place of a LoRA, as adaptation files call it below the module's name:
// "temporal_transformer.transformer_blocks.0.attention_blocks.1.to_q", and how wide it is.
struct LoraPlace {
  std::string name;
  LowRank* change = nullptr;
  int64_t inputs = 0;
  int64_t outputs = 0;
};
// Always in the same order.
std::vector<LoraPlace> PlacesOf(const MotionModule& module, ModuleLora& lora);

// The tensors, down and up in turn, in the order of the places; and back.
std::vector<at::Tensor> TensorsOf(const ModuleLora& lora);
ModuleLora LoraOf(const ModuleLora& layout, const std::vector<at::Tensor>& tensors);

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_TEMPORAL_LORA_H_
