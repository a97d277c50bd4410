#include "bridges/webui/drawn_pictures.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "bridges/common/picture_text.h"
#include "bridges/webui/infotext.h"

namespace patchbay::webui {
namespace {

constexpr char kVersion[] = "Patchbay " PATCHBAY_VERSION;
constexpr int kWebpQuality = 95;

const char* const kFillNames[] = {"fill", "original", "latent noise", "latent nothing"};

std::string SizeText(int width, int height) { return absl::StrCat(width, "x", height); }

// What A1111 keeps as extra_generation_params, in its spelling.
Json ExtraParameters(const GenerationForm& form, const v1::GenerationSettings& settings,
                     const v1::GenerationReport& report) {
  Json extra = Json::object();
  if (form.enable_hr) {
    extra["Hires upscale"] = form.hr_scale;
    if (form.hr_resize_x > 0 || form.hr_resize_y > 0) {
      extra.erase("Hires upscale");
      extra["Hires resize"] =
          SizeText(settings.hires().size().width(), settings.hires().size().height());
    }
    if (form.hr_second_pass_steps > 0) extra["Hires steps"] = form.hr_second_pass_steps;
    extra["Hires upscaler"] = form.hr_upscaler.empty() ? "Latent" : form.hr_upscaler;
  }
  if (form.is_img2img && !form.mask.empty()) {
    extra["Mask blur"] = std::max(form.mask_blur_x, form.mask_blur_y);
    if (form.inpainting_fill != 1) extra["Masked content"] = kFillNames[form.inpainting_fill];
    if (form.inpaint_full_res) {
      extra["Inpaint area"] = "Only masked";
      extra["Masked area padding"] = form.inpaint_full_res_padding;
    }
  }
  if (!report.plugins().empty()) extra["Plugins"] = report.plugins();
  return extra;
}

InfotextPairs PairsOf(const GenerationForm& form, const DrawnPictures& pictures,
                      const v1::GenerationSettings& settings, int64_t seed, int64_t subseed) {
  InfotextPairs pairs = {{"Steps", absl::StrCat(form.steps)},
                         {"Sampler", pictures.sampling.sampler.name},
                         {"Schedule type", pictures.sampling.scheduler.label},
                         {"CFG scale", absl::StrCat(form.cfg_scale)},
                         {"Seed", absl::StrCat(seed)},
                         {"Size", SizeText(form.width, form.height)},
                         {"Model hash", pictures.model.hash},
                         {"Model", pictures.model.model_name}};
  if (form.subseed_strength != 0) {
    pairs.emplace_back("Variation seed", absl::StrCat(subseed));
    pairs.emplace_back("Variation seed strength", absl::StrCat(form.subseed_strength));
  }
  if (form.seed_resize_from_w > 0 && form.seed_resize_from_h > 0) {
    pairs.emplace_back("Seed resize from",
                       SizeText(form.seed_resize_from_w, form.seed_resize_from_h));
  }
  if (form.is_img2img || form.enable_hr) {
    pairs.emplace_back("Denoising strength", absl::StrCat(form.denoising_strength));
  }
  if (settings.has_clip_skip()) {
    pairs.emplace_back("Clip skip", absl::StrCat(settings.clip_skip()));
  }
  // As A1111, only where it is not the sampler's own.
  const double usual_eta = pictures.sampling.sampler.host_name == "ddim" ? 0 : 1;
  if (form.eta.value_or(usual_eta) != usual_eta) {
    pairs.emplace_back("Eta", absl::StrCat(*form.eta));
  }
  for (const auto& [key, value] : pictures.extra.items()) {
    pairs.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
  }
  pairs.emplace_back("Version", kVersion);
  return pairs;
}

// The file in the wanted format; a PNG file that needs no change stays as it is.
std::string InFormat(const std::string& png, const std::string& format, const Json& options,
                     const StartPicture* start) {
  const bool pasted = start != nullptr && start->mask.has_value();
  const bool is_png = format != "jpg" && format != "jpeg" && format != "webp";
  if (is_png && !pasted) return png;
  absl::StatusOr<Picture> picture = DecodePicture(png);
  if (!picture.ok()) return png;
  *picture = WithChannels(*picture, 3);
  if (pasted) *picture = start->Finished(*picture);
  if (is_png) return EncodePng(*picture);
  if (format == "webp") return EncodeWebp(*picture, kWebpQuality);
  return EncodeJpeg(*picture, std::clamp(options.at("jpeg_quality").get<int>(), 1, 100));
}

}  // namespace

void DrawnPictures::Add(std::string png, int64_t seed, int64_t subseed,
                        const v1::GenerationReport& report, const v1::GenerationSettings& settings,
                        const GenerationForm& form, const Json& options,
                        const StartPicture* start) {
  std::string prompt = form.prompt, negative_prompt = form.negative_prompt;
  if (settings.wildcards_size() > 0) {
    // Only the host knows which lines it took.
    if (const auto texts = ReadPictureText(png); texts.ok() && texts->count("parameters") > 0) {
      const Json read = ParseInfotext(texts->at("parameters"));
      prompt = read["Prompt"].get<std::string>();
      negative_prompt = read["Negative prompt"].get<std::string>();
    }
  }
  if (const Json fresh = ExtraParameters(form, settings, report); extra.size() < fresh.size()) {
    extra = fresh;
  }
  const std::string infotext =
      WriteInfotext(prompt, negative_prompt, PairsOf(form, *this, settings, seed, subseed));
  std::string file = InFormat(png, options.at("samples_format").get<std::string>(), options, start);
  if (options.at("enable_pnginfo").get<bool>()) {
    file = WithPictureText(file, {{"parameters", infotext}});
  }
  files.push_back(std::move(file));
  infotexts.push_back(infotext);
  prompts.push_back(std::move(prompt));
  negative_prompts.push_back(std::move(negative_prompt));
  seeds.push_back(seed);
  subseeds.push_back(subseed);
}

Json DrawnPictures::Info(const GenerationForm& form, const Json& options) const {
  Json with_comments = extra;
  if (sampling.fell_back) with_comments["Sampler fallback"] = sampling.sampler.name;
  return {{"prompt", prompts.empty() ? form.prompt : prompts.front()},
          {"all_prompts", prompts},
          {"negative_prompt",
           negative_prompts.empty() ? form.negative_prompt : negative_prompts.front()},
          {"all_negative_prompts", negative_prompts},
          {"seed", first_seed},
          {"all_seeds", seeds},
          {"subseed", first_subseed},
          {"all_subseeds", subseeds},
          {"subseed_strength", form.subseed_strength},
          {"width", form.width},
          {"height", form.height},
          {"sampler_name", sampling.sampler.name},
          {"cfg_scale", form.cfg_scale},
          {"steps", form.steps},
          {"batch_size", form.batch_size},
          {"restore_faces", form.restore_faces},
          {"face_restoration_model", nullptr},
          {"sd_model_name", model.model_name},
          {"sd_model_hash", model.hash},
          {"sd_vae_name", nullptr},
          {"sd_vae_hash", nullptr},
          {"seed_resize_from_w", form.seed_resize_from_w},
          {"seed_resize_from_h", form.seed_resize_from_h},
          {"denoising_strength",
           form.is_img2img || form.enable_hr ? Json(form.denoising_strength) : Json(nullptr)},
          {"extra_generation_params", with_comments},
          {"index_of_first_image", 0},
          {"infotexts", infotexts},
          {"styles", form.styles},
          {"job_timestamp", absl::FormatTime("%Y%m%d%H%M%S", absl::Now(), absl::UTCTimeZone())},
          {"clip_skip", options.at("CLIP_stop_at_last_layers")},
          {"is_using_inpainting_conditioning", false},
          {"version", kVersion},
          {"comments", comments}};
}

}  // namespace patchbay::webui
