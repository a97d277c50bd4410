#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_SAMPLING_CHOICE_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_SAMPLING_CHOICE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/pipeline/generation_request.h"
#include "host/runtime/sampling/noise_schedule_config.h"
#include "host/runtime/sampling/sampling_plan.h"

namespace patchbay {

// How a job samples, in canonical names.
struct SamplingChoice {
  std::string sampler;
  std::string schedule;  // empty: the planner decides
  double eta = 0;
  std::vector<std::string> warnings;
};

// From the request, else from the model's own scheduler (diffusers profile), else euler.
// INVALID_ARGUMENT for unknown names.
absl::StatusOr<SamplingChoice> ChooseSampling(const GenerationRequest& request,
                                              const NoiseScheduleConfig& config);

// The part of the steps that a request asks for.
std::optional<PlannedRange> PlannedRangeOf(const GenerationRequest& request);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_SAMPLING_CHOICE_H_
