#ifndef PATCHBAY_PLUGINS_MOMA_SRC_ADAPTER_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_ADAPTER_H_

#include <ATen/ATen.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "plugins/clip_vision/src/weights.h"

namespace moma {

// A transformer block of the model: a self-attention and a cross-attention behind it.
struct TransformerBlock {
  std::string self_name;  // their diffusers paths
  std::string cross_name;
  int64_t channels = 0;  // of their keys and values
};

// What a self-attention's keys and values are mapped by.
struct SelfWeights {
  at::Tensor keys;    // [C, C]
  at::Tensor values;  // [C, C]
  double scale = 0;
};

// An adapter's file; the README says how it is laid out. Errors are patchbay::Error and name the
// file and the tensor.
class Adapter {
 public:
  // Throws where the file is none, or where its parts do not fit each other.
  explicit Adapter(clip_vision::Weights weights);

  const clip_vision::Weights& weights() const { return weights_; }
  int64_t token_width() const { return token_width_; }
  int64_t token_count() const { return token_count_; }
  // Numbers of a subject's embedding.
  int64_t embedding_width() const { return embedding_width_; }
  // Numbers of a language model's state; 0: the file has no mapping from it.
  int64_t state_width() const { return state_width_; }
  bool has_image_encoder() const;

  // Throws unless the adapter is for a text of this width and for these blocks, in the file's
  // order.
  void CheckFits(int64_t text_features, const std::vector<TransformerBlock>& blocks) const;

  // What the mapping makes of a language model's state: [state_width] to [embedding_width].
  at::Tensor EmbeddingOf(const at::Tensor& state) const;
  // [embedding_width] to [token_count, token_width].
  at::Tensor TokensOf(const at::Tensor& embedding) const;

  // Of the block at this place of the file's order.
  SelfWeights ReadSelfWeights(size_t place, int64_t channels) const;
  // Tokens [..., token_width] to keys and values [..., channels].
  std::pair<at::Tensor, at::Tensor> KeysAndValues(size_t place, int64_t channels,
                                                  const at::Tensor& tokens) const;

 private:
  void CheckNames(size_t blocks) const;

  clip_vision::Weights weights_;
  int64_t token_width_ = 0;
  int64_t token_count_ = 0;
  int64_t embedding_width_ = 0;
  int64_t state_width_ = 0;
};

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_ADAPTER_H_
