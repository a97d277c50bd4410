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

  // U-Net of Stable Diffusion 1: UNet2DConditionModel with attention in all blocks but the deepest,
  // two resnets a block.
  WeightMap UNet(const std::vector<int64_t>& widths, int64_t text_features);
  // AutoencoderKL with one resnet a level in the encoder and two in the decoder.
  WeightMap Autoencoder(const std::vector<int64_t>& widths);
  // CLIPTextModel of one layer.
  WeightMap TextEncoder(int64_t vocabulary, int64_t width);

 private:
  void Linear(const std::string& path, int64_t in, int64_t out, bool with_bias = true);
  void Convolution(const std::string& path, int64_t in, int64_t out, int64_t kernel);
  void Norm(const std::string& path, int64_t width);
  // time_features: 0 for none.
  void Resnet(const std::string& path, int64_t in, int64_t out, int64_t time_features);
  void Transformer(const std::string& path, int64_t width, int64_t text_features);
  void MiddleAttention(const std::string& path, int64_t width);
  void AutoencoderHalf(const std::string& half, const std::vector<int64_t>& widths, int64_t in,
                       int64_t out);
  at::Tensor Random(at::IntArrayRef shape, double size);

  at::Generator generator_;
  WeightMap map_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_RANDOM_WEIGHTS_H_
