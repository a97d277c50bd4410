#include "host/runtime/pipeline/sampling_choice.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/sampling/sampler.h"
#include "host/runtime/sampling/sampler_names.h"

namespace patchbay {
namespace {

std::string DpmSolverVariant(const NoiseScheduleConfig& config) {
  if (config.algorithm_type != "sde-dpmsolver++") return "dpmpp_2m";
  return config.solver_order == 3 ? "dpmpp_3m_sde" : "dpmpp_2m_sde";
}

// The sampler that the model's own scheduler class stands for; empty when there is none.
std::string OwnSampler(const NoiseScheduleConfig& config) {
  static const auto& by_class =
      *new std::map<std::string, std::string>{{"DDIMScheduler", "ddim"},
                                              {"DDPMScheduler", "ddpm"},
                                              {"EDMEulerScheduler", "euler"},
                                              {"EulerAncestralDiscreteScheduler", "euler_a"},
                                              {"EulerDiscreteScheduler", "euler"},
                                              {"HeunDiscreteScheduler", "heun"},
                                              {"KDPM2AncestralDiscreteScheduler", "dpm2_a"},
                                              {"KDPM2DiscreteScheduler", "dpm2"},
                                              {"DPMSolverSDEScheduler", "dpmpp_sde"},
                                              {"LCMScheduler", "lcm"},
                                              {"LMSDiscreteScheduler", "lms"},
                                              {"PNDMScheduler", "plms"}};
  if (config.class_name == "UniPCMultistepScheduler") {
    return config.solver_type == "bh1" ? "unipc" : "unipc_bh2";
  }
  if (config.class_name == "DPMSolverMultistepScheduler" ||
      config.class_name == "EDMDPMSolverMultistepScheduler") {
    return DpmSolverVariant(config);
  }
  const auto found = by_class.find(config.class_name);
  return found == by_class.end() ? "" : found->second;
}

}  // namespace

absl::StatusOr<SamplingChoice> ChooseSampling(const GenerationRequest& request,
                                              const NoiseScheduleConfig& config) {
  SamplingChoice choice;
  if (request.sampler.has_value()) {
    PATCHBAY_ASSIGN_OR_RETURN(const SamplerChoice named, ResolveSampler(*request.sampler));
    choice.sampler = named.sampler;
    choice.schedule = named.schedule;
  } else if (request.compat == CompatProfile::kDiffusers) {
    choice.sampler = OwnSampler(config);
  }
  if (choice.sampler.empty()) {
    choice.sampler = "euler";
    if (request.compat == CompatProfile::kDiffusers && !config.class_name.empty()) {
      choice.warnings.push_back(absl::StrCat("the model's own sampler is ", config.class_name,
                                             ", which is not known; euler is used instead"));
    }
  }
  if (request.schedule.has_value()) {
    PATCHBAY_ASSIGN_OR_RETURN(choice.schedule, ResolveSchedule(*request.schedule));
  }
  choice.eta = request.eta_given ? request.eta : DefaultEta(choice.sampler);
  return choice;
}

std::optional<PlannedRange> PlannedRangeOf(const GenerationRequest& request) {
  if (!request.range.has_value()) return std::nullopt;
  return PlannedRange{request.range->first, request.range->end, request.range->keeps_noise};
}

}  // namespace patchbay
