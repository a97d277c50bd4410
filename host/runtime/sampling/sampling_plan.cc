#include "host/runtime/sampling/sampling_plan.h"

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/sampling/plan_rules.h"

namespace patchbay {
namespace {

absl::Status CheckSteps(const NoiseSchedule& schedule, int64_t steps) {
  if (steps >= 1 && steps <= schedule.config().train_timesteps) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the number of steps is ", steps,
                                                 "; it must be between 1 and ",
                                                 schedule.config().train_timesteps));
}

absl::StatusOr<SamplingPlan> PlanByProfile(const NoiseSchedule& schedule,
                                           const SamplingPlanRequest& request) {
  switch (request.compat) {
    case CompatProfile::kComfyUi:
      return PlanLikeComfyUi(schedule, request);
    case CompatProfile::kA1111:
      return PlanLikeA1111(schedule, request);
    case CompatProfile::kDiffusers:
      break;
  }
  return PlanLikeDiffusers(schedule, request);
}

std::string WhyNoSteps(const SamplingPlanRequest& request, const SamplingPlan& plan) {
  if (request.from_picture) {
    return absl::StrCat("with strength ", request.strength, " and ", request.steps,
                        " steps there is nothing to do; raise either");
  }
  // A1111's DDIM and PLMS walk timesteps of their own, whatever schedule is asked for, and one less
  // than the steps.
  if (plan.schedule != request.schedule) {
    return absl::StrCat("the sampler ", request.sampler, " makes no picture in ", request.steps,
                        " steps here; ask for more steps or another sampler");
  }
  return absl::StrCat("the schedule \"", plan.schedule, "\" has no levels for ", request.steps,
                      " steps; ask for more steps or another schedule");
}

}  // namespace

absl::StatusOr<SamplingPlan> PlanSampling(const NoiseSchedule& schedule,
                                          const SamplingPlanRequest& request) {
  PATCHBAY_RETURN_IF_ERROR(CheckSteps(schedule, request.steps));
  PATCHBAY_ASSIGN_OR_RETURN(SamplingPlan plan, PlanByProfile(schedule, request));
  if (plan.steps.empty() && !(request.range.has_value() && request.range->first > 0)) {
    return absl::InvalidArgumentError(WhyNoSteps(request, plan));
  }
  return plan;
}

std::vector<SamplingPlan::Step> StepsThrough(const std::vector<double>& levels,
                                             const std::function<double(double)>& timestep_of) {
  std::vector<SamplingPlan::Step> steps;
  for (size_t i = 0; i + 1 < levels.size(); ++i) {
    steps.push_back({levels[i], levels[i + 1], timestep_of(levels[i]), levels[i]});
  }
  return steps;
}

std::vector<SamplingPlan::Step> PlmsSteps(const std::vector<double>& timesteps, double stride,
                                          const std::function<double(double)>& level_of) {
  std::vector<SamplingPlan::Step> steps;
  for (size_t call = 0; call < timesteps.size(); ++call) {
    const double timestep = timesteps[call];
    const double sigma = level_of(timestep);
    if (call == 1) {
      steps.push_back({sigma, sigma, timestep, level_of(timestep + stride)});
    } else {
      steps.push_back({sigma, level_of(timestep - stride), timestep, sigma});
    }
  }
  return steps;
}

bool IsPlainSpacing(const std::string& schedule) {
  return schedule == "leading" || schedule == "linspace" || schedule == "trailing";
}

}  // namespace patchbay
