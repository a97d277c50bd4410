#include "host/runtime/sampling/noise_schedule_config.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/config_reader.h"

namespace patchbay {
namespace {

constexpr int64_t kMaxTrainTimesteps = 100'000;
constexpr int64_t kMaxSolverOrder = 3;
constexpr std::string_view kFile = "scheduler/scheduler_config.json";

constexpr std::string_view kPredictionTypes[] = {"epsilon", "v_prediction", "sample"};
constexpr std::string_view kBetaSchedules[] = {"scaled_linear", "linear", "squaredcos_cap_v2"};
constexpr std::string_view kSpacings[] = {"leading", "linspace", "trailing"};
constexpr std::string_view kTimestepTypes[] = {"discrete"};
constexpr std::string_view kInterpolations[] = {"linear"};
constexpr std::string_view kFinalSigmas[] = {"zero", "sigma_min"};
constexpr std::string_view kSigmaSchedules[] = {"karras", "exponential"};

// What diffusers writes into every file and what has one meaning here: details of a solver that the
// sampler of that name fixes, and cut-offs that are switched on by another entry.
constexpr std::string_view kIgnored[] = {"clip_sample_range",
                                         "disable_corrector",
                                         "dynamic_thresholding_ratio",
                                         "euler_at_final",
                                         "flow_shift",
                                         "lambda_min_clipped",
                                         "lower_order_final",
                                         "noise_sampler_seed",
                                         "predict_x0",
                                         "rho",
                                         "sample_max_value",
                                         "skip_prk_steps",
                                         "solver_p",
                                         "time_shift_type",
                                         "variance_type"};

PredictionType ParsePredictionType(std::string_view name) {
  if (name == "v_prediction") return PredictionType::kVPrediction;
  return name == "sample" ? PredictionType::kSample : PredictionType::kEpsilon;
}

void ReadBetas(ConfigReader& reader, NoiseScheduleConfig& config) {
  reader.RequireText("beta_schedule", kBetaSchedules);
  config.beta_schedule = reader.Text("beta_schedule", config.beta_schedule);
  config.beta_start = reader.Number("beta_start", config.beta_start);
  config.beta_end = reader.Number("beta_end", config.beta_end);
  config.rescale_betas_zero_snr = reader.Boolean("rescale_betas_zero_snr", false);
  config.trained_betas = reader.Numbers("trained_betas");
  if (config.edm) return;
  if (config.trained_betas.empty()) {
    if (!(config.beta_start > 0 && config.beta_start <= config.beta_end && config.beta_end < 1)) {
      reader.Refuse("beta_start", absl::StrCat("is ", config.beta_start, " and `beta_end` is ",
                                               config.beta_end, "; they must rise within 0..1"));
    }
    return;
  }
  if (static_cast<int64_t>(config.trained_betas.size()) != config.train_timesteps) {
    reader.Refuse("trained_betas",
                  absl::StrCat("has ", config.trained_betas.size(), " numbers, and there are ",
                               config.train_timesteps, " timesteps (num_train_timesteps)"));
  }
  for (const double beta : config.trained_betas) {
    if (!(beta > 0 && beta < 1)) {
      reader.Refuse("trained_betas", absl::StrCat("holds ", beta, "; betas lie between 0 and 1"));
    }
  }
}

void ReadSigmas(ConfigReader& reader, NoiseScheduleConfig& config) {
  config.sigma_min = reader.Number("sigma_min", config.sigma_min);
  config.sigma_max = reader.Number("sigma_max", config.sigma_max);
  config.sigma_data = reader.Number("sigma_data", config.sigma_data);
  reader.RequireText("sigma_schedule", kSigmaSchedules);
  config.own_schedule = reader.Text("sigma_schedule", "karras");
  if (config.sigma_min > 0 && config.sigma_min < config.sigma_max && config.sigma_data > 0) return;
  reader.Refuse("sigma_min", absl::StrCat("is ", config.sigma_min, ", `sigma_max` ",
                                          config.sigma_max, " and `sigma_data` ", config.sigma_data,
                                          "; all must be above 0, and ascending"));
}

void ReadTimesteps(ConfigReader& reader, NoiseScheduleConfig& config) {
  config.train_timesteps = reader.Integer("num_train_timesteps", config.train_timesteps);
  if (config.train_timesteps < 2 || config.train_timesteps > kMaxTrainTimesteps) {
    reader.Refuse("num_train_timesteps",
                  absl::StrCat("is ", config.train_timesteps, "; it must be between 2 and ",
                               kMaxTrainTimesteps));
  }
  reader.RequireText("timestep_spacing", kSpacings);
  config.timestep_spacing = reader.Text("timestep_spacing", "");
  reader.RequireText("timestep_type", kTimestepTypes);
  reader.RequireText("interpolation_type", kInterpolations);
  config.steps_offset = reader.Integer("steps_offset", 0);
  if (config.steps_offset < 0 || config.steps_offset >= config.train_timesteps) {
    reader.Refuse("steps_offset",
                  absl::StrCat("is ", config.steps_offset, "; it must be between 0 and ",
                               config.train_timesteps - 1, " (num_train_timesteps less 1)"));
  }
  if (reader.Has("set_alpha_to_one")) {
    config.set_alpha_to_one = reader.Boolean("set_alpha_to_one", true);
  }
  reader.RequireText("final_sigmas_type", kFinalSigmas);
  config.ends_at_sigma_min = reader.Text("final_sigmas_type", "zero") == "sigma_min";
  for (const char* name : {"karras", "exponential", "beta"}) {
    if (reader.Boolean(absl::StrCat("use_", name, "_sigmas"), false)) config.own_schedule = name;
  }
}

void ReadSolver(ConfigReader& reader, NoiseScheduleConfig& config) {
  config.algorithm_type = reader.Text("algorithm_type", config.algorithm_type);
  config.solver_type = reader.Text("solver_type", config.solver_type);
  config.solver_order = reader.Integer("solver_order", config.solver_order);
  if (config.solver_order < 1 || config.solver_order > kMaxSolverOrder) {
    reader.Refuse("solver_order", absl::StrCat("is ", config.solver_order,
                                               "; it must be between 1 and ", kMaxSolverOrder));
  }
  config.original_inference_steps =
      reader.Integer("original_inference_steps", config.original_inference_steps);
  if (config.original_inference_steps < 1) {
    reader.Refuse("original_inference_steps", "should be at least 1");
  }
  config.timestep_scaling = reader.Number("timestep_scaling", config.timestep_scaling);
  // Cuts latents by their own quantiles, which suits pixels only (arXiv:2205.11487).
  reader.RequireBoolean("thresholding", false);
  if (!reader.Boolean("clip_sample", false)) return;
  config.clip_range = reader.Number("clip_sample_range", 1);
  if (!(config.clip_range > 0)) reader.Refuse("clip_sample_range", "should be greater than 0");
}

}  // namespace

absl::StatusOr<NoiseScheduleConfig> ParseNoiseScheduleConfig(std::string_view json) {
  PATCHBAY_ASSIGN_OR_RETURN(ConfigReader reader, ConfigReader::Parse(json, kFile));
  NoiseScheduleConfig config;
  config.class_name = reader.Text("_class_name", "");
  config.edm = absl::StartsWith(config.class_name, "EDM");
  reader.RequireText("prediction_type", kPredictionTypes);
  config.prediction_type = ParsePredictionType(reader.Text("prediction_type", "epsilon"));
  if (config.edm) ReadSigmas(reader, config);
  ReadTimesteps(reader, config);
  ReadBetas(reader, config);
  ReadSolver(reader, config);
  reader.Ignore(kIgnored);
  PATCHBAY_RETURN_IF_ERROR(reader.Finish(config.warnings));
  return config;
}

}  // namespace patchbay
