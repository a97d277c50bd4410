#include "host/validator/hook_list.h"

#include "patchbay/abi/hooks.h"

namespace patchbay {

std::map<std::string, int> HookList(const ModelHooks& hooks, size_t site_count) {
  std::map<std::string, int> list;
  const auto count = [&list](const char* id, const auto& functions) {
    if (!functions.empty()) list[id] += static_cast<int>(functions.size());
  };
  const SamplingHooks& sampling = hooks.sampling;
  count(PATCHBAY_HOOK_BEGIN_PASS, sampling.pass_states);
  count(PATCHBAY_HOOK_FIRST_LATENT, sampling.first_latent);
  count(PATCHBAY_HOOK_BEFORE_STEP, sampling.before_step);
  count(PATCHBAY_HOOK_LAST_LATENT, sampling.last_latent);
  count(PATCHBAY_HOOK_PICTURE, sampling.picture);
  count(PATCHBAY_HOOK_GUIDANCE_SCALE, sampling.guidance_scale);
  count(PATCHBAY_HOOK_GUIDANCE, sampling.guidance);
  count(PATCHBAY_HOOK_AFTER_STEP, sampling.after_step);
  count(PATCHBAY_HOOK_DENOISE, sampling.denoise);
  count(PATCHBAY_HOOK_CONDITIONING, sampling.conditioning);
  for (size_t i = 0; i < site_count; ++i) {
    const auto site = static_cast<SiteIndex>(i);
    if (const AttentionHooks* found = hooks.denoiser.attentions.Find(site)) {
      count(PATCHBAY_HOOK_ATTENTION_BEFORE, found->before);
      count(PATCHBAY_HOOK_ATTENTION_AFTER, found->after);
      count(PATCHBAY_HOOK_ATTENTION_REPLACE, found->replace);
      count(PATCHBAY_HOOK_ATTENTION_EXTEND, found->extend);
      count(PATCHBAY_HOOK_ATTENTION_OBSERVE, found->observe);
    }
    if (const ModuleHooks* found = hooks.denoiser.modules.Find(site)) {
      count(PATCHBAY_HOOK_MODULE_BEFORE, found->before);
      count(PATCHBAY_HOOK_MODULE_AFTER, found->after);
      count(PATCHBAY_HOOK_ENCODER_BEFORE_SKIP, found->before_skip);
      count(PATCHBAY_HOOK_ENCODER_AFTER_SKIP, found->after_skip);
      count(PATCHBAY_HOOK_DECODER_JOIN, found->join);
    }
    if (const ResamplingHooks* found = hooks.denoiser.resamplings.Find(site)) {
      count(PATCHBAY_HOOK_CONVOLUTION_GEOMETRY, found->geometry);
      count(PATCHBAY_HOOK_UPSAMPLE_TARGET, found->target);
    }
    if (hooks.denoiser.operators.Find(site) != nullptr) ++list["patchbay.hook.operator/1"];
  }
  return list;
}

}  // namespace patchbay
