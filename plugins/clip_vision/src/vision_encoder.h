#ifndef PATCHBAY_PLUGINS_CLIP_VISION_SRC_VISION_ENCODER_H_
#define PATCHBAY_PLUGINS_CLIP_VISION_SRC_VISION_ENCODER_H_

#include <ATen/ATen.h>

#include "plugins/clip_vision/src/vision_config.h"
#include "plugins/clip_vision/src/weights.h"

namespace clip_vision {

// CLIP's vision transformer (arXiv:2103.00020), as transformers' CLIPVisionModelWithProjection
// computes it, in fp32 on the CPU. Its weights are read layer by layer while it runs, and not kept:
// it runs once for a set of pictures, and takes the memory of one layer.
class VisionEncoder {
 public:
  VisionEncoder(Weights weights, VisionConfig config)
      : weights_(std::move(weights)), config_(std::move(config)) {}

  const VisionConfig& config() const { return config_; }
  const Weights& weights() const { return weights_; }

  // Of pictures [B, 3, S, S] as Normalised() gives them. Both throw patchbay::Error when a tensor
  // is missing or misshapen.

  // [B, projection]; throws also when the file has no projection.
  at::Tensor ImageEmbeds(const at::Tensor& pictures) const;
  // What goes into the last layer, transformers' hidden_states[-2]: [B, 1 + grid * grid, width].
  at::Tensor PenultimateStates(const at::Tensor& pictures) const;

 private:
  at::Tensor Embeddings(const at::Tensor& pictures) const;
  at::Tensor Layers(at::Tensor states, int64_t count) const;
  at::Tensor SelfAttention(const std::string& layer, const at::Tensor& states) const;
  at::Tensor FeedForward(const std::string& layer, const at::Tensor& states) const;
  at::Tensor Norm(const std::string& name, const at::Tensor& states) const;
  at::Tensor Linear(const std::string& name, int64_t out, const at::Tensor& input) const;

  Weights weights_;
  VisionConfig config_;
};

// The encoder of a file, with what a config.json beside it says of it.
VisionEncoder OpenVisionEncoder(const patchbay::TensorFile& file);

}  // namespace clip_vision

#endif  // PATCHBAY_PLUGINS_CLIP_VISION_SRC_VISION_ENCODER_H_
