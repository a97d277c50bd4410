#ifndef PATCHBAY_BRIDGES_WEBUI_GENERATION_FORM_H_
#define PATCHBAY_BRIDGES_WEBUI_GENERATION_FORM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bridges/common/http_message.h"
#include "bridges/common/json.h"

namespace patchbay::webui {

// The fields of txt2img and img2img with A1111's names and defaults (modules/api/models.py).
struct GenerationForm {
  bool is_img2img = false;

  std::string prompt, negative_prompt;
  std::vector<std::string> styles;
  int64_t seed = -1, subseed = -1;  // -1: any
  double subseed_strength = 0;
  int seed_resize_from_w = -1, seed_resize_from_h = -1;  // pixels; below 8: not
  std::string sampler_name, sampler_index = "Euler", scheduler;
  int batch_size = 1, n_iter = 1;
  int steps = 50;
  double cfg_scale = 7;
  int width = 512, height = 512;
  bool restore_faces = false, tiling = false;
  std::optional<double> eta;
  double denoising_strength = 0.75;
  Json override_settings = Json::object();
  bool override_settings_restore_afterwards = true;
  std::string script_name;
  Json script_args = Json::array();
  Json alwayson_scripts = Json::object();
  bool send_images = true;
  std::string force_task_id;

  bool enable_hr = false;
  double hr_scale = 2;
  std::string hr_upscaler;
  int hr_second_pass_steps = 0, hr_resize_x = 0, hr_resize_y = 0;

  std::vector<std::string> init_images;
  int resize_mode = 0;
  std::string mask;
  double mask_blur_x = 4, mask_blur_y = 4;
  std::optional<double> mask_blur;  // both, when given
  bool mask_round = true;
  int inpainting_fill = 0;
  bool inpaint_full_res = true;
  int inpaint_full_res_padding = 0;
  int inpainting_mask_invert = 0;
  bool include_init_images = false;

  Json parameters;  // the request with defaults filled in, which the answer echoes
};

// Reads a request's body, and from its `infotext` the fields that it lacks. Returns the answer to a
// body that cannot be read (422, or 404 for img2img without pictures), else nothing.
std::optional<HttpResponse> ReadGenerationForm(const std::string& body, bool is_img2img,
                                               GenerationForm& form);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_GENERATION_FORM_H_
