#ifndef PATCHBAY_BRIDGES_COMFYUI_CONDITIONING_CHECK_H_
#define PATCHBAY_BRIDGES_COMFYUI_CONDITIONING_CHECK_H_

#include "absl/status/status.h"
#include "bridges/comfyui/sampling.h"

namespace patchbay::comfyui {

// Whether the host can draw with the request's conditionings: a positive and a negative text, read
// by the model's own text encoders with one set of LoRAs and one clip skip, and the sizes that are
// drawn. The negative one counts only where guidance looks at it. UNIMPLEMENTED with the reason.
absl::Status CheckConditioning(const SamplingRequest& request);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_CONDITIONING_CHECK_H_
