// How ComfyUI plans a pass (comfy/samplers.py): a table of levels by the schedule's name, the
// nearest trained timestep for each.
#include <cmath>
#include <utility>

#include "host/runtime/sampling/plan_rules.h"
#include "host/runtime/sampling/sigma_table.h"

namespace patchbay {
namespace {

// Samplers of which ComfyUI makes one step more and leaves out the last level but one.
bool DropsPenultimate(const std::string& sampler) {
  return sampler == "dpm2" || sampler == "dpm2_a" || sampler == "unipc" || sampler == "unipc_bh2";
}

std::vector<double> Levels(const NoiseSchedule& schedule, const SamplingPlanRequest& request,
                           const std::string& name, int64_t steps) {
  if (IsPlainSpacing(name)) {
    SamplingPlanRequest spaced = request;
    spaced.sampler = "euler";
    spaced.schedule = name;
    spaced.steps = steps;
    spaced.from_picture = false;
    std::vector<double> levels;
    if (auto plan = PlanLikeDiffusers(schedule, spaced); plan.ok()) {
      for (const auto& step : plan->steps) levels.push_back(step.sigma);
      levels.push_back(plan->steps.back().sigma_next);
    }
    return levels;
  }
  return ComfyUiSigmas(schedule, name, steps);
}

// The levels of a part of the steps, as KSampler.sample cuts them; none where it begins too late.
std::vector<double> Part(std::vector<double> levels, const PlannedRange& range) {
  const auto count = static_cast<int64_t>(levels.size());
  if (range.end.has_value() && *range.end < count - 1) {
    levels.resize(static_cast<size_t>(*range.end) + 1);
    if (!range.keeps_noise) levels.back() = 0;
  }
  if (range.first >= static_cast<int64_t>(levels.size()) - 1) return {};
  levels.erase(levels.begin(), levels.begin() + range.first);
  return levels;
}

}  // namespace

absl::StatusOr<SamplingPlan> PlanLikeComfyUi(const NoiseSchedule& schedule,
                                             const SamplingPlanRequest& request) {
  SamplingPlan plan;
  plan.schedule = request.schedule.empty() ? "normal" : request.schedule;
  plan.timestep_of = [&schedule](double sigma) { return schedule.NearestTimestepOf(sigma); };

  const bool partial = request.from_picture && request.strength < 0.9999;
  int64_t steps = request.steps;
  if (partial) steps = static_cast<int64_t>(static_cast<double>(steps) / request.strength);
  const bool drops = DropsPenultimate(request.sampler);
  std::vector<double> levels = Levels(schedule, request, plan.schedule, drops ? steps + 1 : steps);
  if (drops && levels.size() > 2) levels.erase(levels.end() - 2);
  const size_t kept = static_cast<size_t>(request.steps) + 1;
  if (partial && levels.size() > kept) {
    levels.erase(levels.begin(), levels.end() - static_cast<int64_t>(kept));
  }
  if (request.range.has_value()) levels = Part(std::move(levels), *request.range);
  // UniPC extrapolates towards a level above 0.
  const bool unipc = request.sampler == "unipc" || request.sampler == "unipc_bh2";
  if (unipc && !levels.empty() && levels.back() == 0) levels.back() = 0.001;
  plan.steps = StepsThrough(levels, plan.timestep_of);
  if (plan.steps.empty()) return plan;

  const double first = plan.steps.front().sigma;
  const bool from_pure_noise = first >= schedule.sigma_max() * (1 - 1e-5);
  plan.first_scale = from_pure_noise ? std::sqrt(1 + first * first) : first;
  plan.noise_scale = plan.first_scale;
  return plan;
}

}  // namespace patchbay
