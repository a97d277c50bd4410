#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_PLAN_RULES_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_PLAN_RULES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/sampling/sampling_plan.h"

namespace patchbay {

// One planner for each profile; PlanSampling() has checked the request.
absl::StatusOr<SamplingPlan> PlanLikeDiffusers(const NoiseSchedule& schedule,
                                               const SamplingPlanRequest& request);
absl::StatusOr<SamplingPlan> PlanLikeComfyUi(const NoiseSchedule& schedule,
                                             const SamplingPlanRequest& request);
absl::StatusOr<SamplingPlan> PlanLikeA1111(const NoiseSchedule& schedule,
                                           const SamplingPlanRequest& request);

// Steps from each level to the next; `levels` ends with the last one reached, usually 0.
std::vector<SamplingPlan::Step> StepsThrough(const std::vector<double>& levels,
                                             const std::function<double(double)>& timestep_of);

// PLMS evaluates the first move twice (arXiv:2202.09778, with the pseudo Runge-Kutta steps left
// out as CompVis does): gives the moves for the timesteps at which the network is evaluated, the
// second of them belonging to the first move. level_of maps a timestep, perhaps below 0, to sigma.
std::vector<SamplingPlan::Step> PlmsSteps(const std::vector<double>& timesteps, double stride,
                                          const std::function<double(double)>& level_of);

bool IsPlainSpacing(const std::string& schedule);  // leading, linspace, trailing

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_PLAN_RULES_H_
