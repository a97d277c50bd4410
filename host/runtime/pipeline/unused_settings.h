#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_UNUSED_SETTINGS_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_UNUSED_SETTINGS_H_

#include <string>
#include <vector>

#include "host/runtime/pipeline/generation_request.h"

namespace patchbay {

// What a request asks for and does not get, because another of its settings rules it out: one
// sentence each, for the report's warnings. `sampler` is the canonical name of the chosen one.
std::vector<std::string> UnusedSettings(const GenerationRequest& request,
                                        const std::string& sampler);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_UNUSED_SETTINGS_H_
