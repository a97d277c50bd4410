#include "bridges/webui/option_store.h"

#include <cmath>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/common/file_folder.h"

namespace patchbay::webui {
namespace {

Json Defaults() {
  return {{"samples_save", false},
          {"samples_format", "png"},
          {"samples_filename_pattern", ""},
          {"grid_save", false},
          {"grid_format", "png"},
          {"return_grid", false},
          {"do_not_show_images", false},
          {"enable_pnginfo", true},
          {"save_images_add_number", true},
          {"jpeg_quality", 80},
          {"webp_lossless", false},
          {"outdir_samples", ""},
          {"outdir_txt2img_samples", "outputs/txt2img-images"},
          {"outdir_img2img_samples", "outputs/img2img-images"},
          {"sd_model_checkpoint", ""},
          {"sd_checkpoint_hash", ""},
          {"sd_vae", "Automatic"},
          {"sd_lora", "None"},
          {"CLIP_stop_at_last_layers", 1},
          {"eta_ddim", 0.0},
          {"eta_ancestral", 1.0},
          {"eta_noise_seed_delta", 0},
          {"randn_source", "CPU"},
          {"img2img_color_correction", false},
          {"img2img_fix_steps", false},
          {"img2img_background_color", "#ffffff"},
          {"face_restoration_model", "CodeFormer"},
          {"code_former_weight", 0.5},
          {"live_previews_enable", true},
          {"live_previews_image_format", "jpeg"},
          {"show_progress_every_n_steps", 1},
          {"show_progressbar", true},
          {"show_progress_grid", true},
          {"show_progress_type", "Approx NN"},
          {"filter_nsfw", false},
          {"use_old_emphasis_implementation", false},
          {"enable_emphasis", true},
          {"comma_padding_backtrack", 20},
          {"upscaler_for_img2img", nullptr},
          {"interrogate_clip_num_beams", 1},
          {"quicksettings_list", Json::array({"sd_model_checkpoint"})},
          {"add_model_hash_to_info", true},
          {"add_model_name_to_info", true},
          {"api_enable_requests", false},
          {"api_forbid_local_requests", true}};
}

// The change in the type that the setting has; a discarded value when it cannot be one.
Json Converted(const Json& change, const Json& old) {
  if (change.is_null()) return old;  // as for fields of a request: nothing is said
  if (old.is_null() || old.type() == change.type()) return change;
  if (old.is_boolean() && change.is_number()) return change != 0;
  if (old.is_number_float() && change.is_number()) return change.get<double>();
  if (old.is_number_integer() && change.is_number()) {
    const auto number = change.get<double>();
    if (number == std::floor(number) && std::abs(number) < 1e15) {
      return static_cast<int64_t>(number);
    }
  }
  if (old.is_string() && change.is_number()) return change.dump();
  return Json(Json::value_t::discarded);
}

}  // namespace

OptionStore::OptionStore(std::string file) : file_(std::move(file)), options_(Defaults()) {
  std::ifstream stream(file_);
  if (file_.empty() || !stream.is_open()) return;
  const Json kept = Json::parse(stream, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> ignored;
  if (kept.is_object()) Apply(kept, options_, ignored).IgnoreError();
}

Json OptionStore::All() const {
  const std::lock_guard lock(mutex_);
  return options_;
}

absl::Status OptionStore::Apply(const Json& overrides, Json& all,
                                std::vector<std::string>& unknown) {
  Json changed = all;
  for (const auto& [name, value] : overrides.items()) {
    const auto found = changed.find(name);
    if (found == changed.end()) {
      unknown.push_back(name);
      continue;
    }
    Json converted = Converted(value, *found);
    if (converted.is_discarded()) {
      return absl::InvalidArgumentError(absl::StrCat("the setting ", name, " takes values such as ",
                                                     found->dump(), ", not ", value.dump()));
    }
    *found = std::move(converted);
  }
  all = std::move(changed);
  return absl::OkStatus();
}

absl::Status OptionStore::Set(const Json& changes, std::vector<std::string>& unknown) {
  const std::lock_guard lock(mutex_);
  if (absl::Status status = Apply(changes, options_, unknown); !status.ok()) return status;
  Save();
  return absl::OkStatus();
}

// A disk that is full costs the settings at the next start and nothing else.
void OptionStore::Save() const {
  if (file_.empty()) return;
  WriteWholeFile(file_, options_.dump(2, ' ', false, Json::error_handler_t::replace)).IgnoreError();
}

}  // namespace patchbay::webui
