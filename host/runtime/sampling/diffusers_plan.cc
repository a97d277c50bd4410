// How diffusers' scheduler classes space their steps (diffusers 0.42, src/diffusers/schedulers).
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/sampling/plan_rules.h"
#include "host/runtime/sampling/sigma_table.h"

namespace patchbay {
namespace {

// In place of infinity, for classes that keep the last level of a zero-SNR model at alpha 0. Large
// enough that the picture's share vanishes in fp32.
constexpr double kPureNoiseSigma = 1e6;

// What the levels of a step lead to.
enum class NextLevel {
  kNextInList,
  kOneStrideBelow,  // the timestep train_timesteps / steps lower, whether or not it is in the list
};

// How the scheduler class behind a sampler treats timesteps.
struct Conventions {
  std::string default_spacing;
  NextLevel next = NextLevel::kNextInList;
  bool whole_timesteps = false;
  bool karras_rounds = false;  // timesteps of Karras's table
  bool one_more = false;       // spaced as if there were one step more, whose level is dropped
  bool full_range = false;     // tables run over all trained levels, not only the spacing's
  bool variance_preserving = false;
  bool keeps_zero_snr = false;
};

Conventions ConventionsOf(const std::string& sampler) {
  Conventions it;
  it.default_spacing = "linspace";
  if (sampler == "ddim" || sampler == "plms" || sampler == "ddpm" || sampler == "lcm") {
    it.default_spacing = "leading";
    it.whole_timesteps = it.variance_preserving = it.keeps_zero_snr = true;
    if (sampler == "ddim" || sampler == "plms") it.next = NextLevel::kOneStrideBelow;
  } else if (sampler == "dpmpp_2m" || sampler == "dpmpp_2m_sde" || sampler == "dpmpp_3m_sde" ||
             sampler == "unipc" || sampler == "unipc_bh2") {
    it.whole_timesteps = it.karras_rounds = it.one_more = it.full_range = true;
    it.variance_preserving = true;
  } else if (sampler == "dpm2" || sampler == "dpm2_a") {
    it.karras_rounds = true;
  }
  return it;
}

std::vector<double> Spaced(const NoiseScheduleConfig& config, const Conventions& conventions,
                           const std::string& spacing, int64_t steps) {
  const int64_t train = config.train_timesteps;
  const int64_t points = conventions.one_more ? steps + 1 : steps;
  std::vector<double> timesteps;
  for (int64_t i = 0; i < steps; ++i) {
    double timestep = 0;
    if (spacing == "linspace") {
      const double share =
          points == 1 ? 0 : static_cast<double>(points - 1 - i) / static_cast<double>(points - 1);
      timestep = static_cast<double>(train - 1) * share;
      if (conventions.whole_timesteps) timestep = std::nearbyint(timestep);
    } else if (spacing == "leading") {
      timestep = static_cast<double>((points - 1 - i) * (train / points) + config.steps_offset);
    } else {
      const double ratio = static_cast<double>(train) / static_cast<double>(steps);
      timestep = std::nearbyint(static_cast<double>(train) - static_cast<double>(i) * ratio) - 1;
    }
    timesteps.push_back(timestep);
  }
  return timesteps;
}

// LCM was distilled at some of the timesteps only; n of these, evenly chosen from the top
// (arXiv:2310.04378, section 4.3).
absl::StatusOr<std::vector<double>> LcmTimesteps(const NoiseScheduleConfig& config, int64_t steps) {
  const int64_t distilled = config.original_inference_steps;
  if (steps > distilled || distilled < 1 || distilled > config.train_timesteps) {
    return absl::InvalidArgumentError(absl::StrCat("the sampler lcm makes at most ", distilled,
                                                   " steps with this model, not ", steps));
  }
  const int64_t stride = config.train_timesteps / distilled;
  std::vector<double> timesteps;
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t from_top = i * distilled / steps;
    timesteps.push_back(static_cast<double>((distilled - from_top) * stride - 1));
  }
  return timesteps;
}

class DiffusersPlanner {
 public:
  DiffusersPlanner(const NoiseSchedule& schedule, const SamplingPlanRequest& request)
      : schedule_(schedule),
        config_(schedule.config()),
        request_(request),
        conventions_(ConventionsOf(request.sampler)) {}

  absl::StatusOr<SamplingPlan> Plan() {
    plan_.variance_preserving = conventions_.variance_preserving;
    plan_.timestep_of = [&schedule = schedule_](double sigma) {
      return schedule.TimestepOf(sigma);
    };
    PATCHBAY_RETURN_IF_ERROR(ChooseSteps());
    if (request_.from_picture) CutToStrength();
    if (plan_.steps.empty()) return plan_;
    if (request_.sampler == "plms" && spaced_) RepeatFirstMove();
    SetScales();
    return std::move(plan_);
  }

 private:
  double LevelAt(double timestep) const {
    if (timestep < 0) {
      const bool to_one = config_.set_alpha_to_one.value_or(request_.sampler != "plms");
      return to_one ? 0 : schedule_.sigma_min();
    }
    const bool last = timestep >= static_cast<double>(config_.train_timesteps - 1);
    if (last && conventions_.keeps_zero_snr && config_.rescale_betas_zero_snr) {
      return kPureNoiseSigma;
    }
    return schedule_.SigmaAt(timestep);
  }

  absl::Status ChooseSteps() {
    std::string name = request_.schedule;
    if (name.empty()) name = config_.own_schedule;
    spacing_ = IsPlainSpacing(name) ? name : config_.timestep_spacing;
    if (!IsPlainSpacing(spacing_)) spacing_ = conventions_.default_spacing;
    std::vector<double> timesteps;
    if (request_.sampler == "lcm" && !IsPlainSpacing(name)) {
      PATCHBAY_ASSIGN_OR_RETURN(timesteps, LcmTimesteps(config_, request_.steps));
    } else {
      timesteps = Spaced(config_, conventions_, spacing_, request_.steps);
    }
    spaced_ = !config_.edm && (name.empty() || IsPlainSpacing(name));
    plan_.schedule = spaced_ ? spacing_ : name;
    if (spaced_) {
      UseTimesteps(timesteps);
    } else {
      UseTable(timesteps);
    }
    return absl::OkStatus();
  }

  void UseTimesteps(const std::vector<double>& timesteps) {
    const double stride = static_cast<double>(config_.train_timesteps / request_.steps);
    for (size_t i = 0; i < timesteps.size(); ++i) {
      const double sigma = LevelAt(timesteps[i]);
      double next = LastLevel();
      if (conventions_.next == NextLevel::kOneStrideBelow) {
        next = LevelAt(timesteps[i] - stride);
      } else if (i + 1 < timesteps.size()) {
        next = LevelAt(timesteps[i + 1]);
      }
      plan_.steps.push_back({sigma, next, timesteps[i], sigma});
    }
  }

  double LastLevel() const { return config_.ends_at_sigma_min ? schedule_.sigma_min() : 0; }

  // Timesteps are found from the levels.
  void UseTable(const std::vector<double>& timesteps) {
    double largest = schedule_.sigma_max();
    double smallest = schedule_.sigma_min();
    if (!conventions_.full_range && !config_.edm) {
      largest = schedule_.SigmaAt(timesteps.front());
      smallest = schedule_.SigmaAt(timesteps.back());
    }
    std::vector<double> levels;
    if (plan_.schedule == "karras") {
      levels = KarrasSigmas(largest, smallest, request_.steps);
    } else if (plan_.schedule == "exponential") {
      levels = ExponentialSigmas(largest, smallest, request_.steps);
    } else if (plan_.schedule == "beta") {
      levels = BetaSigmas(largest, smallest, request_.steps);
    } else {
      levels = ComfyUiSigmas(schedule_, plan_.schedule, request_.steps);
      levels.pop_back();
    }
    levels.push_back(LastLevel());
    plan_.steps = StepsThrough(levels, [&](double sigma) { return TableTimestep(sigma); });
  }

  // diffusers casts to an integer, and rounds first for Karras's table only.
  double TableTimestep(double sigma) const {
    const double timestep = schedule_.TimestepOf(sigma);
    if (config_.edm) return timestep;
    if (plan_.schedule == "karras" && conventions_.karras_rounds) return std::nearbyint(timestep);
    const bool truncates = plan_.schedule == "exponential" || plan_.schedule == "beta";
    return truncates && conventions_.whole_timesteps ? std::trunc(timestep) : timestep;
  }

  // Of n steps the last n * strength, rounded down.
  void CutToStrength() {
    const int64_t steps = request_.steps;
    const int64_t kept =
        std::min(static_cast<int64_t>(static_cast<double>(steps) * request_.strength), steps);
    const int64_t dropped = std::min(steps - kept, static_cast<int64_t>(plan_.steps.size()));
    if (request_.sampler == "plms" && spaced_) {
      // The list that is cut holds the second timestep twice.
      dropped_calls_ = dropped;
      if (kept == 0) plan_.steps.clear();
      return;
    }
    plan_.steps.erase(plan_.steps.begin(), plan_.steps.begin() + dropped);
  }

  void RepeatFirstMove() {
    std::vector<double> timesteps;
    for (const SamplingPlan::Step& step : plan_.steps) timesteps.push_back(step.timestep);
    if (timesteps.size() > 1) timesteps.insert(timesteps.begin() + 1, timesteps[1]);
    timesteps.erase(timesteps.begin(), timesteps.begin() + dropped_calls_);
    const double stride = static_cast<double>(config_.train_timesteps / request_.steps);
    plan_.steps = PlmsSteps(timesteps, stride, [&](double t) { return LevelAt(t); });
  }

  void SetScales() {
    const double first = plan_.steps.front().sigma;
    const double last = plan_.steps.back().sigma_next;
    const bool unit_variance =
        conventions_.variance_preserving || spacing_ == "leading" || config_.edm;
    plan_.first_scale = unit_variance ? std::sqrt(first * first + 1) : first;
    plan_.noise_scale = first;
    if (conventions_.variance_preserving && !config_.edm) {
      plan_.last_scale = 1 / std::sqrt(last * last + 1);
    }
    plan_.variance_preserving = plan_.variance_preserving && !config_.edm;
  }

  const NoiseSchedule& schedule_;
  const NoiseScheduleConfig& config_;
  const SamplingPlanRequest& request_;
  const Conventions conventions_;
  SamplingPlan plan_;
  std::string spacing_;
  bool spaced_ = true;  // by timestep, not from a table of levels
  int64_t dropped_calls_ = 0;
};

}  // namespace

absl::StatusOr<SamplingPlan> PlanLikeDiffusers(const NoiseSchedule& schedule,
                                               const SamplingPlanRequest& request) {
  return DiffusersPlanner(schedule, request).Plan();
}

}  // namespace patchbay
