#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_INFOTEXT_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_INFOTEXT_H_

#include <cstdint>
#include <string>

#include "host/runtime/pipeline/generation_request.h"

namespace patchbay {

// The text that AUTOMATIC1111's web UI stores in its pictures under "parameters" and reads back:
// the prompt, "Negative prompt: ...", then one line of "Key: value" pairs. The prompts and the
// seed are the picture's own.
std::string MakeInfotext(const GenerationRequest& request, const GenerationReport& report,
                         const std::string& prompt, const std::string& negative_prompt,
                         const std::string& model_name, uint64_t seed);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_INFOTEXT_H_
