#ifndef PATCHBAY_HOST_VALIDATOR_RANDOM_WEIGHTS_H_
#define PATCHBAY_HOST_VALIDATOR_RANDOM_WEIGHTS_H_

#include <string>
#include <vector>

#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {

// Makes up weights under diffusers' names. They keep the size of what passes through them, so that
// rounding errors do not grow.
class RandomWeights {
 public:
  explicit RandomWeights(uint64_t seed);

  // UNet2DConditionModel with two resnets a block.
  struct UNetShape {
    std::vector<int64_t> widths;  // of the levels, outermost first
    // Transformer blocks at each resnet of a level, in the encoder and the decoder; 0: no
    // attention.
    std::vector<int64_t> depths;
    int64_t middle_depth = 1;
    int64_t text_features = 0;
    bool linear_projection = false;  // of the transformers' ends; else 1x1 convolutions
    // Width of the pooled text with all numbers of the size conditioning (SDXL); 0: none.
    int64_t added_features = 0;
  };
  WeightMap UNet(const UNetShape& shape);
  // AutoencoderKL with one resnet a level in the encoder and two in the decoder.
  WeightMap Autoencoder(const std::vector<int64_t>& widths);
  // CLIPTextModel of one layer; with a projection of the pooled vector unless that width is 0.
  WeightMap TextEncoder(int64_t vocabulary, int64_t width, int64_t pooled_width = 0);

 private:
  void Linear(const std::string& path, int64_t in, int64_t out, bool with_bias = true);
  void Convolution(const std::string& path, int64_t in, int64_t out, int64_t kernel);
  void Norm(const std::string& path, int64_t width);
  // time_features: 0 for none.
  void Resnet(const std::string& path, int64_t in, int64_t out, int64_t time_features);
  void Transformer(const std::string& path, int64_t width, int64_t depth, const UNetShape& shape);
  void MiddleAttention(const std::string& path, int64_t width);
  void AutoencoderHalf(const std::string& half, const std::vector<int64_t>& widths, int64_t in,
                       int64_t out);
  at::Tensor Random(at::IntArrayRef shape, double size);

  at::Generator generator_;
  WeightMap map_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_RANDOM_WEIGHTS_H_
