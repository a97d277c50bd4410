#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLER_NAMES_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLER_NAMES_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace patchbay {

// The canonical names, in the order in which they are listed to users.
const std::vector<std::string>& KnownSamplers();
const std::vector<std::string>& KnownSchedules();

// What A1111 shows for a canonical name and writes into pictures ("DPM++ 2M", "SGM Uniform"); what
// it does not have keeps its own name.
std::string SamplerLabel(const std::string& name);
std::string ScheduleLabel(const std::string& name);

// What a user's spelling stands for. A1111's labels may name both ("DPM++ 2M Karras").
struct SamplerChoice {
  std::string sampler;
  std::string schedule;  // empty: left open
};

// Canonical names, ComfyUI's ("euler_ancestral", "dpm_2", "uni_pc") and A1111's ("Euler a", "DPM++
// 2M Karras"); case, spaces and underscores do not matter. INVALID_ARGUMENT suggests the nearest
// name.
absl::StatusOr<SamplerChoice> ResolveSampler(std::string_view spelling);

// Canonical names, ComfyUI's and A1111's ("SGM Uniform", "KL Optimal"); "automatic" gives the empty
// name, which leaves the choice to the profile.
absl::StatusOr<std::string> ResolveSchedule(std::string_view spelling);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLER_NAMES_H_
