#ifndef PATCHBAY_HOST_RUNTIME_DENOISER_UNET_CALL_H_
#define PATCHBAY_HOST_RUNTIME_DENOISER_UNET_CALL_H_

#include <ATen/ATen.h>

#include <memory>
#include <vector>

#include "host/runtime/hooks/denoiser_hooks.h"
#include "host/runtime/nn/operator_table.h"

namespace patchbay {

// Keys and values of one cross-attention, each [B, T, heads * width].
struct KeyValue {
  at::Tensor key;
  at::Tensor value;
};

// What the U-Net needs of a prompt. It depends on nothing else, so it is computed once per prompt
// and used at every step (UNet::PrepareText).
struct TextContext {
  // By the cross-attention's number in the order down, mid, up.
  std::vector<KeyValue> keys_and_values;
  // The added embedding of SDXL-like models [B, time embedding width]; undefined elsewhere.
  at::Tensor added_embedding;
};

class LastingCall;

// What accompanies one run of the U-Net through all its modules. Lives on the caller's stack.
struct UNetCall {
  const TextContext& text;
  OperatorCall operators;
  const DenoiserHooks& hooks;
  // SiLU(time embedding) [B, time embedding width]: what each resnet projects to its own width.
  at::Tensor activated_time_embedding;
  // For modules that are computed again for gradients; null where nobody may take any.
  std::shared_ptr<const LastingCall> lasting;

  // Whether group norms of resnets and of the output take their statistics over all pictures.
  bool norms_over_pictures() const { return hooks.norms_over_pictures; }

  // Where in a job the hooks are called; there is one wherever there are hooks.
  const Evaluation& evaluation() const { return *operators.evaluation; }
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_DENOISER_UNET_CALL_H_
