#ifndef PATCHBAY_HOST_RUNTIME_DENOISER_FEATURE_HOOKS_H_
#define PATCHBAY_HOST_RUNTIME_DENOISER_FEATURE_HOOKS_H_

#include <ATen/ATen.h>

#include <vector>

#include "host/runtime/denoiser/unet_call.h"

namespace patchbay {

// `features` after all edits, in channels-last order.
at::Tensor Edited(const std::vector<FeatureEdit>& edits, const UNetCall& call, at::Tensor features);

// body(x) between the hooks that hang before and after a module.
template <typename Body>
at::Tensor WithModuleHooks(SiteIndex site, const UNetCall& call, const at::Tensor& x,
                           const Body& body) {
  const ModuleHooks* hooks = call.hooks.modules.Find(site);
  if (hooks == nullptr) return body(x);
  return Edited(hooks->after, call, body(Edited(hooks->before, call, x)));
}

// What an encoder stage passes on; puts its skip connection aside.
at::Tensor PutSkipAside(SiteIndex stage, const UNetCall& call, at::Tensor features,
                        std::vector<at::Tensor>& skips);

// The input of a decoder stage: the map from below beside the skip connection that is taken off the
// end of `skips`. A map of another size is first resized to the skip's (nearest).
at::Tensor JoinWithSkip(SiteIndex stage, const UNetCall& call, at::Tensor below,
                        std::vector<at::Tensor>& skips);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_DENOISER_FEATURE_HOOKS_H_
