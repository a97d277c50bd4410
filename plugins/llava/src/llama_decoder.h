#ifndef PATCHBAY_PLUGINS_LLAVA_SRC_LLAMA_DECODER_H_
#define PATCHBAY_PLUGINS_LLAVA_SRC_LLAMA_DECODER_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "plugins/clip_vision/src/weights.h"
#include "plugins/llava/src/llava_config.h"

namespace llava {

// LLaMA's transformer (arXiv:2302.13971, with the grouped queries of arXiv:2307.09288), as
// transformers' LlamaModel computes it, in fp32 on the CPU. Its weights are read layer by layer
// while it runs, and not kept: it runs once for a text, and takes the memory of one layer. Linear
// layers may be stored as int8 with "weight_scale", [out, 1] or [out, groups], as
// compressed-tensors stores them ("int-quantized", symmetric). One thread at a time.
class LlamaDecoder {
 public:
  // Tensors are named as in transformers' LlamaModel: "layers.0.self_attn.q_proj.weight".
  LlamaDecoder(clip_vision::Weights weights, LlamaConfig config)
      : weights_(std::move(weights)), config_(config) {}

  // Throws patchbay::Error for more tokens than the model has positions.
  void CheckLength(int64_t tokens) const;

  // Both throw patchbay::Error when a tensor is missing or misshapen.

  // [tokens, width]. Throws also for a token that there is not.
  at::Tensor Embeddings(const std::vector<int64_t>& tokens) const;
  // [S, width], what comes out of the last layer and its norm for embeddings [S, width] at the
  // positions 0 to S - 1, each of which sees those before it. Calls `progress` with 0 to 1 before
  // each layer, which may throw. Throws also where CheckLength(S) does.
  at::Tensor States(at::Tensor embeddings, const std::function<void(double)>& progress) const;

 private:
  at::Tensor SelfAttention(const std::string& layer, const at::Tensor& states) const;
  at::Tensor FeedForward(const std::string& layer, const at::Tensor& states) const;
  at::Tensor Norm(const std::string& name, const at::Tensor& states) const;
  at::Tensor LinearWeight(const std::string& name, int64_t out, int64_t in) const;
  at::Tensor Linear(const std::string& name, int64_t out, const at::Tensor& input) const;

  clip_vision::Weights weights_;
  LlamaConfig config_;
};

// Rotary position embedding (arXiv:2104.09864) of queries or keys [heads, S, d] at the positions 0
// to S - 1: component i turns with component i + d / 2.
at::Tensor Rotated(const at::Tensor& vectors, double base);

}  // namespace llava

#endif  // PATCHBAY_PLUGINS_LLAVA_SRC_LLAMA_DECODER_H_
