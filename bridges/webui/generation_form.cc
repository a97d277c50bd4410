#include "bridges/webui/generation_form.h"

#include "absl/strings/numbers.h"
#include "bridges/webui/answer.h"
#include "bridges/webui/field_reader.h"
#include "bridges/webui/infotext.h"

namespace patchbay::webui {
namespace {

constexpr int kMaxBatch = 64;
constexpr int kMaxIterations = 1000;
constexpr int kMaxSteps = 1000;
constexpr int kMaxSide = 16384;
constexpr int kLatentScale = 8;
constexpr double kMostVariation = 100;

// Infotext's keys and the fields that they fill.
struct InfotextField {
  const char* key;
  const char* field;
  bool is_number;
};
constexpr InfotextField kInfotextFields[] = {{"Prompt", "prompt", false},
                                             {"Negative prompt", "negative_prompt", false},
                                             {"Steps", "steps", true},
                                             {"Sampler", "sampler_name", false},
                                             {"Schedule type", "scheduler", false},
                                             {"CFG scale", "cfg_scale", true},
                                             {"Seed", "seed", true},
                                             {"Variation seed", "subseed", true},
                                             {"Variation seed strength", "subseed_strength", true},
                                             {"Seed resize from-1", "seed_resize_from_w", true},
                                             {"Seed resize from-2", "seed_resize_from_h", true},
                                             {"Eta", "eta", true},
                                             {"Size-1", "width", true},
                                             {"Size-2", "height", true},
                                             {"Denoising strength", "denoising_strength", true},
                                             {"Hires resize-1", "hr_resize_x", true},
                                             {"Hires resize-2", "hr_resize_y", true},
                                             {"Hires steps", "hr_second_pass_steps", true}};

Json NumberOf(const std::string& text) {
  int64_t whole = 0;
  if (absl::SimpleAtoi(text, &whole)) return whole;
  double number = 0;
  if (absl::SimpleAtod(text, &number)) return number;
  return nullptr;
}

// The body with the fields that its infotext tells and it lacks.
std::string WithInfotext(const Json& body) {
  Json filled = body;
  const Json read = ParseInfotext(body["infotext"].get<std::string>());
  for (const InfotextField& field : kInfotextFields) {
    if (!read.contains(field.key) || (body.contains(field.field) && !body[field.field].is_null())) {
      continue;
    }
    const auto text = read[field.key].get<std::string>();
    filled[field.field] = field.is_number ? NumberOf(text) : Json(text);
  }
  if (read.contains("Hires resize-1") && !body.contains("enable_hr")) filled["enable_hr"] = true;
  Json overrides = body.value("override_settings", Json::object());
  if (!overrides.is_object()) overrides = Json::object();
  const auto keep = [&](const char* key, const char* setting, bool is_number) {
    if (!read.contains(key) || overrides.contains(setting)) return;
    const auto text = read[key].get<std::string>();
    overrides[setting] = is_number ? NumberOf(text) : Json(text);
  };
  keep("Clip skip", "CLIP_stop_at_last_layers", true);
  keep("Model hash", "sd_model_checkpoint", false);
  filled["override_settings"] = overrides;
  filled.erase("infotext");
  return filled.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void ReadCommon(FieldReader& reader, GenerationForm& form) {
  reader.Read("prompt", form.prompt);
  reader.Read("negative_prompt", form.negative_prompt);
  reader.Read("styles", form.styles);
  reader.Read("seed", form.seed);
  reader.Read("subseed", form.subseed);
  reader.Read("subseed_strength", form.subseed_strength);
  reader.Read("seed_resize_from_w", form.seed_resize_from_w);
  reader.Read("seed_resize_from_h", form.seed_resize_from_h);
  reader.Read("sampler_name", form.sampler_name);
  reader.Read("sampler_index", form.sampler_index);
  reader.Read("scheduler", form.scheduler);
  reader.Read("batch_size", form.batch_size);
  reader.Read("n_iter", form.n_iter);
  reader.Read("steps", form.steps);
  reader.Read("cfg_scale", form.cfg_scale);
  reader.Read("width", form.width);
  reader.Read("height", form.height);
  reader.Read("restore_faces", form.restore_faces);
  reader.Read("tiling", form.tiling);
  reader.Read("eta", form.eta);
  reader.Read("denoising_strength", form.denoising_strength);
  reader.Read("override_settings", form.override_settings);
  reader.Read("override_settings_restore_afterwards", form.override_settings_restore_afterwards);
  reader.Read("script_name", form.script_name);
  reader.Read("script_args", form.script_args, /*or_list=*/true);
  reader.Read("alwayson_scripts", form.alwayson_scripts);
  reader.Read("send_images", form.send_images);
  reader.Read("force_task_id", form.force_task_id);
}

void ReadHires(FieldReader& reader, GenerationForm& form) {
  reader.Read("enable_hr", form.enable_hr);
  reader.Read("hr_scale", form.hr_scale);
  reader.Read("hr_upscaler", form.hr_upscaler);
  reader.Read("hr_second_pass_steps", form.hr_second_pass_steps);
  reader.Read("hr_resize_x", form.hr_resize_x);
  reader.Read("hr_resize_y", form.hr_resize_y);
}

void ReadImg2img(FieldReader& reader, GenerationForm& form) {
  reader.Read("init_images", form.init_images);
  reader.Read("resize_mode", form.resize_mode);
  reader.Read("mask", form.mask);
  reader.Read("mask_blur_x", form.mask_blur_x);
  reader.Read("mask_blur_y", form.mask_blur_y);
  reader.Read("mask_blur", form.mask_blur);
  reader.Read("mask_round", form.mask_round);
  reader.Read("inpainting_fill", form.inpainting_fill);
  reader.Read("inpaint_full_res", form.inpaint_full_res);
  reader.Read("inpaint_full_res_padding", form.inpaint_full_res_padding);
  reader.Read("inpainting_mask_invert", form.inpainting_mask_invert);
  reader.Read("include_init_images", form.include_init_images);
}

void Check(FieldReader& reader, const GenerationForm& form) {
  reader.CheckRange("batch_size", form.batch_size, 1, kMaxBatch);
  reader.CheckRange("n_iter", form.n_iter, 1, kMaxIterations);
  reader.CheckRange("steps", form.steps, 1, kMaxSteps);
  reader.CheckRange("width", form.width, kLatentScale, kMaxSide);
  reader.CheckRange("height", form.height, kLatentScale, kMaxSide);
  reader.CheckRange("denoising_strength", form.denoising_strength, 0, 1);
  reader.CheckRange("subseed_strength", form.subseed_strength, -kMostVariation, kMostVariation);
  reader.CheckRange("seed_resize_from_w", form.seed_resize_from_w, -1, kMaxSide);
  reader.CheckRange("seed_resize_from_h", form.seed_resize_from_h, -1, kMaxSide);
  if (form.enable_hr) {
    reader.CheckRange("hr_scale", form.hr_scale, 0.1, 16);
    reader.CheckRange("hr_resize_x", form.hr_resize_x, 0, kMaxSide);
    reader.CheckRange("hr_resize_y", form.hr_resize_y, 0, kMaxSide);
    reader.CheckRange("hr_second_pass_steps", form.hr_second_pass_steps, 0, kMaxSteps);
  }
  if (!form.is_img2img) return;
  reader.CheckRange("resize_mode", form.resize_mode, 0, 3);
  reader.CheckRange("inpainting_fill", form.inpainting_fill, 0, 3);
  reader.CheckRange("inpaint_full_res_padding", form.inpaint_full_res_padding, 0, kMaxSide);
  reader.CheckRange("mask_blur", form.mask_blur.value_or(0), 0, 256);
  reader.CheckRange("mask_blur_x", form.mask_blur_x, 0, 256);
  reader.CheckRange("mask_blur_y", form.mask_blur_y, 0, 256);
}

Json EchoOf(const GenerationForm& form, const Json& body) {
  Json echo = {{"prompt", form.prompt},
               {"negative_prompt", form.negative_prompt},
               {"styles", nullptr},
               {"seed", form.seed},
               {"subseed", form.subseed},
               {"subseed_strength", form.subseed_strength},
               {"seed_resize_from_w", form.seed_resize_from_w},
               {"seed_resize_from_h", form.seed_resize_from_h},
               {"sampler_name", nullptr},
               {"scheduler", nullptr},
               {"batch_size", form.batch_size},
               {"n_iter", form.n_iter},
               {"steps", form.steps},
               {"cfg_scale", form.cfg_scale},
               {"width", form.width},
               {"height", form.height},
               {"denoising_strength", form.denoising_strength},
               {"override_settings", form.override_settings},
               {"alwayson_scripts", Json::object()},
               {"send_images", form.send_images},
               {"save_images", false}};
  for (const auto& [name, value] : body.items()) echo[name] = value;
  if (form.is_img2img && !form.include_init_images) {
    echo["init_images"] = nullptr;
    echo["mask"] = nullptr;
  }
  return echo;
}

}  // namespace

std::optional<HttpResponse> ReadGenerationForm(const std::string& body, bool is_img2img,
                                               GenerationForm& form) {
  if (body.empty()) {
    return ValidationAnswer(Json::array(
        {{{"loc", {"body"}}, {"msg", "field required"}, {"type", "value_error.missing"}}}));
  }
  FieldReader reader(body);
  if (const auto text = reader.body().find("infotext");
      text != reader.body().end() && text->is_string() && !text->get<std::string>().empty()) {
    reader = FieldReader(WithInfotext(reader.body()));
  }
  form.is_img2img = is_img2img;
  ReadCommon(reader, form);
  if (is_img2img) {
    ReadImg2img(reader, form);
  } else {
    ReadHires(reader, form);
  }
  if (form.mask_blur.has_value()) form.mask_blur_x = form.mask_blur_y = *form.mask_blur;
  Check(reader, form);
  if (!reader.errors().empty()) return ValidationAnswer(reader.errors());
  if (is_img2img && form.init_images.empty()) {
    return ErrorAnswer(404, "HTTPException", "Init image not found");
  }
  // A1111 draws latents of whole pixels, an eighth of the size.
  form.width = form.width / kLatentScale * kLatentScale;
  form.height = form.height / kLatentScale * kLatentScale;
  form.parameters = EchoOf(form, reader.body());
  return std::nullopt;
}

}  // namespace patchbay::webui
