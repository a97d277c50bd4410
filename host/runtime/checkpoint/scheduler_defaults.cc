#include <array>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "host/runtime/checkpoint/checkpoint_parts.h"

namespace patchbay {
namespace {

constexpr std::array kPredictionTypes = {"epsilon", "v_prediction", "sample"};

// The betas of all Stable Diffusion models.
nlohmann::json StableDiffusionBetas() {
  return {{"beta_schedule", "scaled_linear"},
          {"beta_start", 0.00085},
          {"beta_end", 0.012},
          {"num_train_timesteps", 1000}};
}

}  // namespace

// Sources: the scheduler_config.json of stable-diffusion-v1-5, stable-diffusion-2-1,
// stable-diffusion-xl-base-1.0, playground-v2.5-1024px-aesthetic and Kolors-diffusers.
std::string DefaultSchedulerJson(ModelFamily family, const std::string& prediction_type,
                                 bool rescale) {
  nlohmann::json json = StableDiffusionBetas();
  switch (family) {
    case ModelFamily::kStableDiffusion1:
      json.update({{"_class_name", "PNDMScheduler"},
                   {"skip_prk_steps", true},
                   {"set_alpha_to_one", false},
                   {"steps_offset", 1}});
      break;
    case ModelFamily::kStableDiffusion2:
      json.update({{"_class_name", "DDIMScheduler"},
                   {"clip_sample", false},
                   {"set_alpha_to_one", false},
                   {"steps_offset", 1}});
      break;
    case ModelFamily::kStableDiffusionXl:
    case ModelFamily::kStableDiffusionXlRefiner:
      json.update({{"_class_name", "EulerDiscreteScheduler"},
                   {"timestep_spacing", "leading"},
                   {"steps_offset", 1}});
      break;
    case ModelFamily::kPlayground:
      json = {{"_class_name", "EDMDPMSolverMultistepScheduler"},
              {"num_train_timesteps", 1000},
              {"sigma_min", 0.002},
              {"sigma_max", 80.0},
              {"sigma_data", 0.5},
              {"rho", 7.0},
              {"solver_order", 2},
              {"algorithm_type", "dpmsolver++"},
              {"solver_type", "midpoint"},
              {"final_sigmas_type", "zero"}};
      break;
    case ModelFamily::kKolors:
      json.update({{"_class_name", "EulerDiscreteScheduler"},
                   {"timestep_spacing", "leading"},
                   {"steps_offset", 1},
                   {"beta_end", 0.014},
                   {"num_train_timesteps", 1100}});
      break;
  }
  json["prediction_type"] = prediction_type;
  if (rescale) {
    json["rescale_betas_zero_snr"] = true;
    json["timestep_spacing"] = "trailing";
  }
  return json.dump(2);
}

absl::Status OverridePredictionType(const std::string& prediction_type,
                                    ModelDescription& description) {
  bool known = false;
  for (const char* name : kPredictionTypes) known |= prediction_type == name;
  if (!known) {
    return absl::InvalidArgumentError(absl::StrCat("the prediction type \"", prediction_type,
                                                   "\" is none of epsilon, v_prediction, sample"));
  }
  nlohmann::json json = nlohmann::json::parse(description.scheduler_json, nullptr, false);
  if (!json.is_object()) json = nlohmann::json::object();
  json["prediction_type"] = prediction_type;
  description.scheduler_json = json.dump(2);
  description.prediction_type = prediction_type;
  return absl::OkStatus();
}

}  // namespace patchbay
