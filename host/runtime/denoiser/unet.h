#ifndef PATCHBAY_HOST_RUNTIME_DENOISER_UNET_H_
#define PATCHBAY_HOST_RUNTIME_DENOISER_UNET_H_

#include <ATen/ATen.h>

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "host/base/cancellation_check.h"
#include "host/runtime/checkpoint/unet_config.h"
#include "host/runtime/checkpoint/weight_reader.h"
#include "host/runtime/denoiser/blocks.h"
#include "host/runtime/denoiser/embedding.h"
#include "host/runtime/denoiser/unet_call.h"
#include "host/runtime/nn/convolution.h"
#include "host/runtime/nn/normalization.h"
#include "host/runtime/nn/site.h"

namespace patchbay {

// What a prompt gives the U-Net; see UNet::PrepareText. B is the number of rows of one call, with
// classifier-free guidance usually unconditional rows first, then conditional ones.
struct UNetText {
  at::Tensor hidden_states;  // [B, T, text width]
  // SDXL-like models only, else undefined:
  at::Tensor pooled;  // [B, pooled width]
  at::Tensor
      time_ids;  // [B, 6] (refiner: [B, 5]) sizes and crops in pixels, or the aesthetic score
};

struct UNetInput {
  at::Tensor sample;    // [B, in_channels, H, W], scaled as the preconditioning asks
  at::Tensor timestep;  // [B] or [1], in training steps, may be fractional
  // Distilled models with a guidance embedding only: [B, guidance_features()].
  at::Tensor guidance_embedding;
  CancellationCheck is_cancelled = {};  // asked between blocks
};

// The denoiser of Stable Diffusion 1.x, 2.x, XL and their kin: UNet2DConditionModel of diffusers,
// whose module names it shares. Depth, widths and which blocks have attention come from the stored
// tensors; only what they cannot tell comes from UNetConfig. Immutable; any thread may call.
class UNet {
 public:
  // Takes the weights out of the reader. INVALID_ARGUMENT names what is missing, superfluous or
  // misshapen.
  static absl::StatusOr<std::unique_ptr<const UNet>> Load(WeightReader& weights,
                                                          const UNetConfig& config);

  const SiteTable& sites() const { return sites_; }
  int64_t in_channels() const { return conv_in_.in_channels(); }
  int64_t out_channels() const { return conv_out_->out_channels(); }
  // Width of UNetText::hidden_states.
  int64_t text_features() const { return text_features_; }
  // Whether UNetText::pooled and time_ids are needed.
  bool needs_added_text() const { return added_embedding_.has_value(); }
  // Width of UNetInput::guidance_embedding; 0 when the model has none.
  int64_t guidance_features() const { return time_embedding_.condition_features(); }

  // Projects the prompt to every cross-attention's keys and values, once for all steps.
  // INVALID_ARGUMENT when a width does not fit the model.
  absl::StatusOr<TextContext> PrepareText(const UNetText& text,
                                          const OperatorCall& operators) const;

  // One run of the network: [B, out_channels, H, W] in the model's precision; undefined when it was
  // cancelled. H and W may be odd.
  // Hooks need an evaluation in `operators`, and may throw HookFailure.
  at::Tensor Forward(const UNetInput& input, const TextContext& text, const OperatorCall& operators,
                     const DenoiserHooks& hooks = {}) const;

 private:
  UNet(WeightReader& weights, const UNetConfig& config);

  // In the order down, mid, up: that of TextContext::keys_and_values.
  std::vector<const SpatialTransformer*> Transformers() const;
  UNetCall MakeCall(const UNetInput& input, const TextContext& text, const OperatorCall& operators,
                    const DenoiserHooks& hooks) const;

  SiteTable sites_;
  at::ScalarType precision_;
  SinusoidalEmbedding time_frequencies_;
  SinusoidalEmbedding added_frequencies_;
  Convolution conv_in_;
  SiteIndex first_stage_;
  EmbeddingMlp time_embedding_;
  std::optional<EmbeddingMlp> added_embedding_;
  std::optional<Linear> text_projection_;
  std::vector<DownBlock> down_blocks_;
  std::optional<MidBlock> mid_block_;
  std::vector<UpBlock> up_blocks_;
  std::optional<GroupNorm> norm_out_;
  std::optional<Convolution> conv_out_;
  int64_t text_features_ = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_DENOISER_UNET_H_
