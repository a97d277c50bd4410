#include "bridges/common/stepless_settings.h"

namespace patchbay {

v1::GenerationSettings SettingsWithoutSteps(const std::string& model, int width, int height,
                                            int batch) {
  v1::GenerationSettings settings;
  settings.set_compat(v1::COMPAT_PROFILE_COMFYUI);  // which alone knows parts of the steps
  settings.set_model(model);
  settings.set_sampler("euler");
  settings.set_schedule("normal");
  settings.set_steps(1);
  settings.mutable_range()->set_first(1);
  settings.set_guidance_scale(1);
  settings.set_seed(0);
  settings.set_strength(1);
  settings.set_batch(batch);
  settings.mutable_size()->set_width(width);
  settings.mutable_size()->set_height(height);
  settings.set_without_default_plugins(true);
  return settings;
}

v1::GenerationSettings EncodingSettings(const std::string& model,
                                        const std::string& image_artifact_id, int width,
                                        int height) {
  v1::GenerationSettings settings = SettingsWithoutSteps(model, width, height, 1);
  settings.set_image_artifact_id(image_artifact_id);
  settings.set_keep_latent(true);
  settings.set_without_pictures(true);
  return settings;
}

}  // namespace patchbay
