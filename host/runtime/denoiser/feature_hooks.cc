#include "host/runtime/denoiser/feature_hooks.h"

#include <utility>

namespace patchbay {
namespace {

at::Tensor InOurOrder(const at::Tensor& features) {
  return features.contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace

at::Tensor Edited(const std::vector<FeatureEdit>& edits, const UNetCall& call,
                  at::Tensor features) {
  for (const FeatureEdit& edit : edits) {
    at::Tensor edited = edit(call.evaluation(), features);
    if (edited.defined()) features = InOurOrder(edited);
  }
  return features;
}

at::Tensor PutSkipAside(SiteIndex stage, const UNetCall& call, at::Tensor features,
                        std::vector<at::Tensor>& skips) {
  const ModuleHooks* hooks = call.hooks.modules.Find(stage);
  if (hooks == nullptr) {
    skips.push_back(features);
    return features;
  }
  features = Edited(hooks->before_skip, call, Edited(hooks->after, call, std::move(features)));
  skips.push_back(features);
  return Edited(hooks->after_skip, call, std::move(features));
}

at::Tensor JoinWithSkip(SiteIndex stage, const UNetCall& call, at::Tensor below,
                        std::vector<at::Tensor>& skips) {
  at::Tensor skip = std::move(skips.back());
  skips.pop_back();
  const ModuleHooks* hooks = call.hooks.modules.Find(stage);
  if (hooks != nullptr) {
    for (const auto& join : hooks->join) join(call.evaluation(), below, skip);
  }
  if (below.sizes().slice(2) != skip.sizes().slice(2)) {
    below = at::upsample_nearest2d(below, skip.sizes().slice(2));
  }
  const at::Tensor joined = InOurOrder(at::cat({below, skip}, 1));
  return hooks == nullptr ? joined : Edited(hooks->before, call, joined);
}

}  // namespace patchbay
