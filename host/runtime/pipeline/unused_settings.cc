#include "host/runtime/pipeline/unused_settings.h"

#include "absl/strings/str_cat.h"
#include "host/runtime/pipeline/inpainting_pictures.h"
#include "host/runtime/sampling/sampler.h"

namespace patchbay {

std::vector<std::string> UnusedSettings(const GenerationRequest& request,
                                        const std::string& sampler) {
  std::vector<std::string> unused;
  if (request.eta_given && !UsesEta(sampler)) {
    unused.push_back(absl::StrCat("eta means nothing to the sampler ", sampler));
  }
  if (request.strength != GenerationRequest().strength && !request.has_start()) {
    unused.push_back("the strength means nothing without a picture or latent to start from");
  }
  // A plugin may look at the negative prompt at any scale.
  if (!request.negative_prompt.empty() && request.guidance_scale == 1 && request.plugins.empty()) {
    unused.push_back("the negative prompt means nothing at a guidance scale of 1");
  }
  if (request.mask.has_value() && PaintsNothing(GreyMask(*request.mask))) {
    unused.push_back("the mask is white nowhere, so nothing is painted");
  }
  return unused;
}

}  // namespace patchbay
