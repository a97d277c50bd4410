#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_GUIDED_DENOISER_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_GUIDED_DENOISER_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/denoiser/unet.h"
#include "host/runtime/hooks/sampling_hooks.h"
#include "host/runtime/text_encoder/conditioning.h"

namespace patchbay {

// What one evaluation of the denoiser gives, before preconditioning: the network's raw output for
// each picture, [B, C, H, W] in fp32.
struct GuidedOutput {
  // For the prompt: with AND, unconditional + sum over the parts of weight * (part -
  // unconditional). Undefined unless asked for.
  at::Tensor conditional;
  // After classifier-free guidance (arXiv:2207.12598): unconditional + scale * sum over the parts
  // of weight * (part - unconditional).
  at::Tensor guided;
  // For the negative prompt alone; undefined when it was skipped (scale 1).
  at::Tensor unconditional;
};

// Runs the U-Net for a prompt and its negative in one batch and joins the results. Made once per
// pass; what depends on the prompt alone (keys and values of every cross-attention) is computed
// when a stage of the prompt first applies and kept. One thread at a time.
class GuidedDenoiser {
 public:
  struct Sizes {
    // Size conditioning of SDXL-like models, [6] or [5] numbers; empty elsewhere.
    std::vector<double> positive;
    std::vector<double> negative;
  };

  // All arguments but the tensor must outlive the object. extra_channels: see SetExtraChannels().
  // hooks: null for none. Runs end with CANCELLED soon after `is_cancelled` says so.
  GuidedDenoiser(const UNet& unet, const Conditioning& conditioning, const Sizes& sizes,
                 at::Tensor extra_channels, const OperatorTable& operators, const ModelHooks* hooks,
                 CancellationCheck is_cancelled = {});

  // [B, C', H, W], joined to the input of all runs from now on (inpainting models: mask and masked
  // picture), or undefined.
  void SetExtraChannels(at::Tensor channels) { extra_channels_ = std::move(channels); }

  // Of the prompts' hidden states, without what hooks append.
  int64_t PromptLength(int64_t call) const;

  // What a run of the network is asked for.
  struct Request {
    at::Tensor sample;          // [B, C, H, W] as preconditioning scaled it
    int64_t first_picture = 0;  // of the pass's: what the sample begins with
    double timestep = 0;        // in training steps
    double guidance_scale = 1;
    int64_t call = 0;  // counts the evaluations of the pass from 0; prompt editing follows it
    // Also where the guidance scale does not need it.
    bool wants_unconditional = false;
    bool wants_conditional = false;
    // What depends on the text is computed anew: hooks' own weights may have changed since.
    bool forgets_text = false;
    // Where in the job this is, without rows; null only if there are no hooks.
    const Evaluation* evaluation = nullptr;
  };

  // INVALID_ARGUMENT when the text does not fit the network.
  absl::StatusOr<GuidedOutput> Run(const Request& request);

  // The network's output for the negative prompt alone, or for another text [B or 1, T, text width]
  // in the prompt's place; for another text the request's B may also be 1.
  absl::StatusOr<at::Tensor> RunNegative(const Request& request);
  absl::StatusOr<at::Tensor> RunText(const Request& request, const at::Tensor& text);

  const CancellationCheck& cancellation() const { return is_cancelled_; }

 private:
  struct Key {
    size_t positive_stage;
    size_t negative_stage;
    bool has_positive;
    bool has_negative;
    auto operator<=>(const Key&) const = default;
  };
  // What one stage of the prompt says, for all pictures of the pass: of the negative prompt first,
  // unless it is skipped, then of each part.
  struct Texts {
    std::vector<patchbay_row_role> roles;
    std::vector<at::Tensor> hidden;        // [B, T, text width] each
    std::vector<at::Tensor> pooled;        // [B, P] each; empty where the network takes none
    std::vector<at::Tensor> sizes;         // likewise
    std::vector<at::Tensor> part_weights;  // [B, 1, 1, 1] each, of the parts alone
    bool are_alike = false;                // every picture is told the same
  };
  // Some of the pictures.
  struct Pictures {
    int64_t first = 0;
    int64_t count = 0;
    auto operator<=>(const Pictures&) const = default;
  };

  // Whether guidance at scale 1 is just the prompt's own output: no AND, no weight.
  bool HasSinglePart(int64_t call) const;
  Key KeyFor(const Request& request, bool with_positive, bool with_negative) const;
  const Texts& TextsFor(const Key& key, const Request& request);
  Texts MakeTexts(const Key& key, const Evaluation* evaluation) const;
  // Keys and values for the pictures that the request is about.
  absl::StatusOr<const TextContext*> ContextFor(const Key& key, const Texts& texts,
                                                const Request& request);
  // The network's raw output, [roles * B, C, H, W] in fp32: the sample once for each role.
  absl::StatusOr<at::Tensor> RunNetwork(const Request& request, const TextContext& text,
                                        const std::vector<patchbay_row_role>& roles) const;

  const UNet& unet_;
  const Conditioning& conditioning_;
  const Sizes& sizes_;
  at::Tensor extra_channels_;
  const OperatorTable& operators_;
  const ModelHooks* hooks_;
  const CancellationCheck is_cancelled_;
  std::map<Key, Texts> texts_;
  std::map<std::pair<Key, Pictures>, TextContext> contexts_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_GUIDED_DENOISER_H_
