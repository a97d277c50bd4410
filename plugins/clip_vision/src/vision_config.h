#ifndef PATCHBAY_PLUGINS_CLIP_VISION_SRC_VISION_CONFIG_H_
#define PATCHBAY_PLUGINS_CLIP_VISION_SRC_VISION_CONFIG_H_

#include <cstdint>
#include <string>

#include "plugins/clip_vision/src/weights.h"

namespace clip_vision {

enum class Activation { kGelu, kQuickGelu };

// The sizes of a CLIP vision transformer (arXiv:2103.00020). All but the last three are those of
// its tensors.
struct VisionConfig {
  std::string prefix;  // before "embeddings.": "vision_model." or ""
  int64_t width = 0;   // of a hidden state
  int64_t patch = 0;   // pixels of a patch's side
  int64_t grid = 0;    // patches along one side of a picture
  int64_t layers = 0;
  int64_t feed_forward = 0;
  int64_t projection = 0;  // numbers of a picture's embedding; 0: the file has no projection
  int64_t heads = 0;
  Activation activation = Activation::kGelu;
  double norm_epsilon = 1e-5;

  int64_t picture_size() const { return grid * patch; }
  int64_t tokens() const { return grid * grid + 1; }
};

// From the tensors, under transformers' names (CLIPVisionModelWithProjection). What they cannot
// tell is that of the known encoders: OpenAI's up to ViT-L/14 have heads of 64 numbers and
// "quick_gelu", LAION's larger ones (ViT-H/14, ViT-bigG/14) 16 heads and "gelu". Throws
// patchbay::Error when the file is no such encoder.
VisionConfig ReadVisionConfig(const Weights& weights);

// Takes the number of heads, the activation and the norms' epsilon from transformers' config.json,
// also from that of a whole CLIP model. `name` is what errors call it. Throws patchbay::Error when
// it is malformed, belongs to another encoder, or asks for an activation that is not known here.
void ApplyConfigJson(const std::string& json, const std::string& name, VisionConfig& config);

}  // namespace clip_vision

#endif  // PATCHBAY_PLUGINS_CLIP_VISION_SRC_VISION_CONFIG_H_
