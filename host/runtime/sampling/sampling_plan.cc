#include "host/runtime/sampling/sampling_plan.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr double kKarrasRho = 7.0;  // arXiv:2206.00364, equation 5

// How diffusers' scheduler of that name treats timesteps.
struct Conventions {
  const char* default_spacing;
  bool rounds;           // timesteps are whole numbers
  bool one_more;         // spaced as if there were one step more, whose level is dropped
  bool walks_timesteps;  // the next level is `train_timesteps / steps` below, not the next in the
                         // list
  bool variance_preserving;  // its latents are scaled to unit variance
};

Conventions ConventionsOf(const std::string& sampler) {
  if (sampler == "ddim") return {"leading", true, false, true, true};
  if (sampler == "dpmpp_2m") return {"linspace", true, true, false, true};
  return {"linspace", false, false, false, false};
}

std::vector<double> Spaced(const NoiseSchedule& schedule, const Conventions& conventions,
                           const std::string& spacing, int64_t steps) {
  const int64_t train = schedule.config().train_timesteps;
  const int64_t points = conventions.one_more ? steps + 1 : steps;
  std::vector<double> timesteps;
  for (int64_t i = 0; i < steps; ++i) {
    double timestep = 0;
    if (spacing == "linspace") {
      const double share =
          points == 1 ? 0 : static_cast<double>(points - 1 - i) / static_cast<double>(points - 1);
      timestep = static_cast<double>(train - 1) * share;
      if (conventions.rounds) timestep = std::nearbyint(timestep);
    } else if (spacing == "leading") {
      timestep =
          static_cast<double>((points - 1 - i) * (train / points) + schedule.config().steps_offset);
    } else {
      const double ratio = static_cast<double>(train) / static_cast<double>(steps);
      timestep = std::nearbyint(static_cast<double>(train) - static_cast<double>(i) * ratio) - 1;
    }
    timesteps.push_back(timestep);
  }
  return timesteps;
}

double Ramp(const std::string& name, double largest, double smallest, double share) {
  if (name == "exponential") {
    return std::exp(std::log(largest) + share * (std::log(smallest) - std::log(largest)));
  }
  const double from = std::pow(largest, 1 / kKarrasRho);
  const double to = std::pow(smallest, 1 / kKarrasRho);
  return std::pow(from + share * (to - from), kKarrasRho);
}

// The timestep of a level between those that were trained, by linear interpolation of log(sigma).
double TimestepOf(const std::vector<double>& sigmas, double sigma) {
  const auto above = std::upper_bound(sigmas.begin(), sigmas.end(), sigma);
  const size_t low = static_cast<size_t>(std::clamp<int64_t>(
      std::distance(sigmas.begin(), above) - 1, 0, static_cast<int64_t>(sigmas.size()) - 2));
  const double share = (std::log(sigma) - std::log(sigmas[low])) /
                       (std::log(sigmas[low + 1]) - std::log(sigmas[low]));
  return static_cast<double>(low) + std::clamp(share, 0.0, 1.0);
}

absl::Status CheckSteps(const NoiseSchedule& schedule, int64_t steps) {
  if (steps >= 1 && steps <= schedule.config().train_timesteps) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the number of steps is ", steps,
                                                 "; it must be between 1 and ",
                                                 schedule.config().train_timesteps));
}

}  // namespace

absl::StatusOr<SamplingPlan> PlanSampling(const NoiseSchedule& schedule, const std::string& sampler,
                                          const std::string& schedule_name, int64_t steps) {
  PATCHBAY_RETURN_IF_ERROR(CheckSteps(schedule, steps));
  const Conventions conventions = ConventionsOf(sampler);
  const bool ramp = schedule_name == "karras" || schedule_name == "exponential";
  std::string spacing = ramp ? "" : schedule_name;
  if (spacing.empty()) spacing = schedule.config().timestep_spacing;
  if (spacing.empty()) spacing = conventions.default_spacing;
  if (spacing != "leading" && spacing != "linspace" && spacing != "trailing") {
    return absl::InvalidArgumentError(absl::StrCat(
        "the schedule \"", spacing,
        "\" is unknown; it must be leading, linspace, trailing, karras or exponential"));
  }
  const std::vector<double> timesteps = Spaced(schedule, conventions, spacing, steps);

  SamplingPlan plan;
  const double largest =
      conventions.one_more ? schedule.sigmas().back() : schedule.SigmaAt(timesteps.front());
  const double smallest =
      conventions.one_more ? schedule.sigmas().front() : schedule.SigmaAt(timesteps.back());
  for (int64_t i = 0; i < steps; ++i) {
    SamplingPlan::Step step{0, 0, timesteps[static_cast<size_t>(i)]};
    step.sigma = schedule.SigmaAt(step.timestep);
    if (ramp) {
      const double share = steps == 1 ? 0 : static_cast<double>(i) / static_cast<double>(steps - 1);
      step.sigma = Ramp(schedule_name, largest, smallest, share);
      step.timestep = TimestepOf(schedule.sigmas(), step.sigma);
      // diffusers casts to an integer, and rounds first for Karras's table only.
      if (conventions.rounds) {
        step.timestep =
            schedule_name == "karras" ? std::nearbyint(step.timestep) : std::trunc(step.timestep);
      }
    }
    plan.steps.push_back(step);
  }
  for (size_t i = 0; i + 1 < plan.steps.size(); ++i) {
    plan.steps[i].sigma_next = plan.steps[i + 1].sigma;
  }
  if (conventions.walks_timesteps && !ramp) {
    const int64_t stride = schedule.config().train_timesteps / steps;
    for (SamplingPlan::Step& step : plan.steps) {
      const double previous = step.timestep - static_cast<double>(stride);
      if (previous >= 0) {
        step.sigma_next = schedule.SigmaAt(previous);
      } else {
        step.sigma_next = schedule.config().set_alpha_to_one ? 0 : schedule.sigmas().front();
      }
    }
  }
  const double first = plan.steps.front().sigma;
  plan.first_scale = conventions.variance_preserving || spacing == "leading"
                         ? std::sqrt(first * first + 1)
                         : first;
  if (conventions.variance_preserving) {
    const double last = plan.steps.back().sigma_next;
    plan.last_scale = 1 / std::sqrt(last * last + 1);
  }
  return plan;
}

SamplingPlan StartAtStrength(SamplingPlan plan, double strength) {
  const auto steps = static_cast<int64_t>(plan.steps.size());
  const int64_t kept = std::min(static_cast<int64_t>(static_cast<double>(steps) * strength), steps);
  plan.steps.erase(plan.steps.begin(), plan.steps.begin() + (steps - kept));
  return plan;
}

}  // namespace patchbay
