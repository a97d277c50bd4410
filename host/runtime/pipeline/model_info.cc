#include "host/runtime/pipeline/model_info.h"

#include <filesystem>

namespace patchbay {
namespace {

patchbay_model_family FamilyOf(ModelFamily family) {
  switch (family) {
    case ModelFamily::kStableDiffusion1:
      return PATCHBAY_MODEL_SD1;
    case ModelFamily::kStableDiffusion2:
      return PATCHBAY_MODEL_SD2;
    case ModelFamily::kStableDiffusionXl:
    case ModelFamily::kPlayground:
    case ModelFamily::kKolors:
      return PATCHBAY_MODEL_SDXL;
    case ModelFamily::kStableDiffusionXlRefiner:
      return PATCHBAY_MODEL_SDXL_REFINER;
  }
  return PATCHBAY_MODEL_OTHER;
}

patchbay_prediction PredictionOf(const ModelDescription& description) {
  if (description.edm_preconditioning) return PATCHBAY_PREDICTS_EDM;
  if (description.prediction_type == "v_prediction") return PATCHBAY_PREDICTS_VELOCITY;
  if (description.prediction_type == "sample") return PATCHBAY_PREDICTS_SAMPLE;
  return PATCHBAY_PREDICTS_NOISE;
}

// Distilled models take the guidance scale as an input (LCM), or are SDXL's network made for 512
// pixels with steps that begin at the very last timestep (Turbo).
bool IsFewStepModel(const LoadedModel& model) {
  return model.unet->guidance_features() > 0 ||
         (FamilyOf(model.description.family) == PATCHBAY_MODEL_SDXL &&
          model.description.native_size <= 512 &&
          model.schedule.config().timestep_spacing == "trailing");
}

}  // namespace

ModelInfo::ModelInfo(const LoadedModel& model) {
  const ModelDescription& description = model.description;
  info_.struct_size = sizeof(info_);
  info_.family = FamilyOf(description.family);
  if (IsFewStepModel(model)) info_.flags |= PATCHBAY_MODEL_FEW_STEPS;
  if (description.in_channels == 2 * description.latent_channels + 1) {
    info_.flags |= PATCHBAY_MODEL_INPAINTING;
  }
  info_.prediction = PredictionOf(description);
  info_.latent_channels = description.latent_channels;
  info_.pixels_per_latent_pixel = description.latent_scale;
  info_.native_latent_height = info_.native_latent_width =
      description.native_size / description.latent_scale;
  info_.training_steps = static_cast<int64_t>(model.schedule.sigmas().size());
  info_.text_features = model.unet->text_features();
  fingerprint_ = model.releasable->Digest();
  info_.fingerprint = fingerprint_.c_str();
  const std::filesystem::path path(description.path);
  name_ = (path.has_filename() ? path : path.parent_path()).filename().string();
  info_.name = name_.c_str();
  integer_plan_ = model.integer_plan;
  if (!integer_plan_.empty()) info_.integer_plan = integer_plan_.c_str();
}

}  // namespace patchbay
