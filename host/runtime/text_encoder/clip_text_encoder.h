#ifndef PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_CLIP_TEXT_ENCODER_H_
#define PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_CLIP_TEXT_ENCODER_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/text_encoder_config.h"
#include "host/runtime/checkpoint/weight_reader.h"
#include "host/runtime/nn/linear.h"
#include "host/runtime/nn/normalization.h"
#include "host/runtime/nn/operator_table.h"
#include "host/runtime/nn/site.h"
#include "host/runtime/text_encoder/clip_layer.h"

namespace patchbay {

// What a text encoder makes of a batch of sequences. B: sequences, T: positions, W: width.
struct TextEncoderOutput {
  // [B, T, W] each: the embeddings, then the output of every layer; without the final layer norm.
  // As transformers' hidden_states.
  std::vector<at::Tensor> hidden_states;
  // [B, T, W]: the last of them with the final layer norm (last_hidden_state).
  at::Tensor last;
  // [B, P]: `last` at the end token, through the projection where the model has one (text_embeds,
  // else pooler_output).
  at::Tensor pooled;
};

// The text side of CLIP (arXiv:2103.00020) in any size: CLIP-L, OpenCLIP-H, OpenCLIP-bigG and
// smaller ones; pre-norm transformer with a causal mask. Immutable; any thread may call.
class ClipTextEncoder {
 public:
  // Builds the network from transformers' names ("text_model.encoder.layers.0.self_attn.q_proj
  // .weight", "text_projection.weight"); see WithTextModelLevel() for files without the first
  // level. `component` begins the sites' names: "text_encoder" or "text_encoder_2".
  // INVALID_ARGUMENT names tensors that are missing, misshapen or left over.
  static absl::StatusOr<std::unique_ptr<const ClipTextEncoder>> Create(
      const TextEncoderConfig& config, WeightReader& weights, const std::string& component);

  const TextEncoderConfig& config() const { return config_; }
  int64_t width() const { return token_embedding_.size(1); }
  int64_t vocabulary_size() const { return token_embedding_.size(0); }
  // The longest sequence.
  int64_t positions() const { return position_embedding_.size(0); }
  int64_t layers() const { return static_cast<int64_t>(layers_.size()); }
  int64_t pooled_width() const;
  const SiteTable& sites() const { return sites_; }
  at::Device device() const { return token_embedding_.device(); }

  // The token embeddings [B, T, W] of ids [B, T] (int64, on any device, each below
  // vocabulary_size()), before positions are added: where textual inversions put their own rows.
  at::Tensor EmbedTokens(const at::Tensor& ids) const;

  // token_embeddings: [B, T, W], T at most positions(). end_positions: [B] (int64), where each
  // sequence's pooled vector is taken.
  TextEncoderOutput Forward(const at::Tensor& token_embeddings, const at::Tensor& end_positions,
                            const OperatorCall& operators) const;

  // The norm that follows the last layer, for hidden states taken earlier.
  at::Tensor FinalLayerNorm(const at::Tensor& x) const { return final_layer_norm_->Forward(x); }

 private:
  ClipTextEncoder(const TextEncoderConfig& config, const std::string& component);
  void Build(WeightReader& weights);

  TextEncoderConfig config_;
  SiteTable sites_;
  at::Tensor token_embedding_;     // [V, W]
  at::Tensor position_embedding_;  // [T, W]
  std::vector<ClipLayer> layers_;
  std::unique_ptr<const LayerNorm> final_layer_norm_;
  std::unique_ptr<const Linear> projection_;
};

// Names as ClipTextEncoder wants them: files written by newer versions of transformers, and some
// single files, leave "text_model." out.
WeightMap WithTextModelLevel(WeightMap weights);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_CLIP_TEXT_ENCODER_H_
