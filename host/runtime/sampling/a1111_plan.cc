// How AUTOMATIC1111's web UI plans a pass (modules/sd_samplers_kdiffusion.py, sd_schedulers.py,
// sd_samplers_timesteps.py): k-diffusion's levels with fractional timesteps, except for DDIM, PLMS
// and UniPC, which walk whole timesteps with latents of unit variance.
#include <algorithm>
#include <cmath>

#include "host/runtime/sampling/plan_rules.h"
#include "host/runtime/sampling/sigma_table.h"

namespace patchbay {
namespace {

// The "Automatic" schedule.
std::string AutomaticSchedule(const std::string& sampler) {
  if (sampler == "dpmpp_2m_sde" || sampler == "dpmpp_3m_sde") return "exponential";
  for (const char* name : {"dpmpp_2m", "dpmpp_sde", "dpmpp_2s_a", "dpm2", "dpm2_a"}) {
    if (sampler == name) return "karras";
  }
  return "normal";
}

bool DropsPenultimate(const std::string& sampler) {
  return sampler == "dpm2" || sampler == "dpm2_a" || sampler == "dpmpp_3m_sde";
}

std::vector<double> Levels(const NoiseSchedule& schedule, const std::string& name, int64_t n) {
  std::vector<double> levels;
  if (name == "beta") {
    levels = BetaSigmas(schedule.sigma_max(), schedule.sigma_min(), n);
    levels.push_back(0);
  } else if (name == "kl_optimal") {
    // One point more than ComfyUI's, in place of the final 0.
    levels = ComfyUiSigmas(schedule, name, n + 1);
    levels.pop_back();
  } else {
    levels = ComfyUiSigmas(schedule, name, n);
  }
  return levels;
}

// 1 + every (1000 / n)-th timestep, ascending.
std::vector<double> WholeTimesteps(int64_t train, int64_t n) {
  std::vector<double> timesteps;
  for (int64_t t = 0; t < train; t += std::max<int64_t>(train / n, 1)) {
    timesteps.push_back(static_cast<double>(std::min(t + 1, train - 1)));
  }
  return timesteps;
}

int64_t StepsFromPicture(const SamplingPlanRequest& request) {
  return static_cast<int64_t>(std::min(request.strength, 0.999) *
                              static_cast<double>(request.steps));
}

SamplingPlan PlanByTimesteps(const NoiseSchedule& schedule, const SamplingPlanRequest& request) {
  SamplingPlan plan;
  plan.schedule = "leading";
  plan.variance_preserving = true;
  plan.timestep_of = [&schedule](double sigma) { return schedule.TimestepOf(sigma); };
  std::vector<double> timesteps = WholeTimesteps(schedule.config().train_timesteps, request.steps);
  double picture_sigma = 0;
  if (request.from_picture) {
    // The picture is noised to one level above the first that is visited.
    const size_t visited =
        std::min(static_cast<size_t>(StepsFromPicture(request)), timesteps.size() - 1);
    picture_sigma = schedule.SigmaAt(timesteps[visited]);
    timesteps.resize(visited);
  }
  std::reverse(timesteps.begin(), timesteps.end());
  std::vector<double> levels;
  for (const double timestep : timesteps) levels.push_back(schedule.SigmaAt(timestep));
  plan.steps = StepsThrough(levels, plan.timestep_of);
  for (size_t i = 0; i < plan.steps.size(); ++i) plan.steps[i].timestep = timesteps[i];
  if (request.sampler == "plms" && plan.steps.size() > 1) {
    // The first move is made again from the average of the directions at its two ends.
    const SamplingPlan::Step first = plan.steps.front();
    plan.steps.insert(plan.steps.begin() + 1,
                      {first.sigma_next, first.sigma_next, plan.steps[1].timestep, first.sigma});
  }
  if (plan.steps.empty()) return plan;
  const double first = plan.steps.front().sigma;
  plan.picture_scale = std::sqrt(first * first + 1) / std::sqrt(picture_sigma * picture_sigma + 1);
  plan.noise_scale = plan.picture_scale * picture_sigma;
  return plan;
}

SamplingPlan PlanUniPc(const NoiseSchedule& schedule, const SamplingPlanRequest& request) {
  SamplingPlan plan;
  plan.schedule = "linspace";
  plan.variance_preserving = true;
  plan.timestep_of = [&schedule](double sigma) { return schedule.TimestepOf(sigma); };
  const int64_t n = request.steps;
  const double last = static_cast<double>(schedule.config().train_timesteps - 1);
  std::vector<double> levels;
  for (int64_t i = 0; i <= n; ++i) {
    const double share = static_cast<double>(n - i) / static_cast<double>(n);
    levels.push_back(schedule.LogInterpolatedSigmaAt(last * share));
  }
  if (request.from_picture) {
    levels.erase(levels.begin(), levels.begin() + (n - StepsFromPicture(request)));
  }
  plan.steps = StepsThrough(levels, plan.timestep_of);
  return plan;
}

SamplingPlan PlanByLevels(const NoiseSchedule& schedule, const SamplingPlanRequest& request) {
  SamplingPlan plan;
  plan.schedule = request.schedule.empty() ? AutomaticSchedule(request.sampler) : request.schedule;
  plan.timestep_of = [&schedule](double sigma) { return schedule.TimestepOf(sigma); };
  const bool drops = DropsPenultimate(request.sampler);
  std::vector<double> levels =
      Levels(schedule, plan.schedule, drops ? request.steps + 1 : request.steps);
  if (drops && levels.size() > 2) levels.erase(levels.end() - 2);
  if (request.from_picture) {
    const int64_t dropped = request.steps - StepsFromPicture(request) - 1;
    const auto most = static_cast<int64_t>(levels.size());
    levels.erase(levels.begin(), levels.begin() + std::clamp<int64_t>(dropped, 0, most));
  }
  plan.steps = StepsThrough(levels, plan.timestep_of);
  return plan;
}

}  // namespace

absl::StatusOr<SamplingPlan> PlanLikeA1111(const NoiseSchedule& schedule,
                                           const SamplingPlanRequest& request) {
  const bool walks_timesteps = request.sampler == "ddim" || request.sampler == "plms";
  const bool unipc = request.sampler == "unipc" || request.sampler == "unipc_bh2";
  if (!walks_timesteps && !unipc && IsPlainSpacing(request.schedule)) {
    return PlanLikeDiffusers(schedule, request);
  }
  SamplingPlan plan;
  if (schedule.config().edm || (!walks_timesteps && !unipc)) {
    plan = PlanByLevels(schedule, request);
  } else {
    plan = unipc ? PlanUniPc(schedule, request) : PlanByTimesteps(schedule, request);
  }
  if (plan.steps.empty()) return plan;
  const double first = plan.steps.front().sigma;
  const double last = plan.steps.back().sigma_next;
  plan.first_scale = plan.variance_preserving ? std::sqrt(first * first + 1) : first;
  if (!walks_timesteps || schedule.config().edm) plan.noise_scale = first;
  if (plan.variance_preserving) plan.last_scale = 1 / std::sqrt(last * last + 1);
  return plan;
}

}  // namespace patchbay
