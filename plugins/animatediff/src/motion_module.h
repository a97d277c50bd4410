#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_MOTION_MODULE_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_MOTION_MODULE_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

namespace animatediff {

struct ModuleLora;

struct NormWeights {
  at::Tensor weight;
  at::Tensor bias;
};

struct LinearWeights {
  at::Tensor weight;  // [outputs, inputs]
  at::Tensor bias;    // undefined for none
};

// Attention of each position to itself in all frames.
struct TemporalAttention {
  NormWeights norm;
  at::Tensor positions;  // [longest window, D]
  at::Tensor query, key, value;
  LinearWeights out;
};

struct TemporalLayer {
  std::vector<TemporalAttention> attentions;
  NormWeights norm;
  LinearWeights feed_in;   // [2 M, D]: GEGLU (arXiv:2002.05202)
  LinearWeights feed_out;  // [D, M]
};

// A motion module of AnimateDiff (arXiv:2307.04725, section 4.2). Immutable; any thread may use it.
struct MotionModule {
  std::string name;      // "down_blocks.0.motion_modules.1"
  int64_t channels = 0;  // C, of the feature map
  int64_t heads = 8;
  int64_t norm_groups = 32;
  // Whether the group norm's statistics run over all frames (diffusers) or over each (AnimateDiff).
  bool norm_over_frames = false;
  NormWeights norm;
  LinearWeights in;
  std::vector<TemporalLayer> layers;
  LinearWeights out;

  // Frames for which there are positions.
  int64_t longest_window() const;
  // With floating-point numbers of this type, on this device.
  MotionModule To(const at::TensorOptions& options) const;
};

// A LoRA on a module's layers while it computes.
struct LoraUse {
  const ModuleLora* lora = nullptr;  // null: none
  double multiplier = 1;
  at::Tensor decay;  // [h, w]: a factor for each position of the map; undefined: 1 everywhere
  // Whether `decay` acts on the feed-forward layers too, and not on queries, keys and values alone.
  bool decays_feed_forward = false;
};

// What the module adds to features [B * frames, C, h, w], in which a clip's frames follow each
// other. Differentiable. In the features' type; weights and LoRA are brought to it.
at::Tensor AddedMotion(const MotionModule& module, const at::Tensor& features, int64_t frames,
                       const LoraUse& lora);

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_MOTION_MODULE_H_
