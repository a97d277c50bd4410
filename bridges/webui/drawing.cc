#include "bridges/webui/drawing.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bridges/common/picture.h"
#include "bridges/common/picture_text.h"
#include "bridges/common/status_macros.h"
#include "bridges/webui/answer.h"
#include "bridges/webui/drawn_pictures.h"
#include "bridges/webui/outpainting_script.h"
#include "bridges/webui/prompt_files.h"
#include "bridges/webui/samplers.h"
#include "bridges/webui/script_picture.h"
#include "bridges/webui/scripts.h"
#include "bridges/webui/seed_noise.h"
#include "bridges/webui/start_latent.h"
#include "bridges/webui/start_picture.h"

namespace patchbay::webui {
namespace {

constexpr int kLatentScale = 8;
// A1111 passes through at strength 0; the host wants a little.
constexpr double kLeastStrength = 0.001;

int64_t SeedOrAny(int64_t seed) {
  if (seed >= 0) return seed;
  std::random_device random;
  return static_cast<int64_t>(random());
}

// One request on its way. Its steps are those of A1111's process_images.
class Job {
 public:
  Job(Context& context, GenerationForm form) : context_(context), form_(std::move(form)) {}

  absl::StatusOr<Json> Run() {
    BRIDGE_RETURN_IF_ERROR(ReadOptions());
    BRIDGE_RETURN_IF_ERROR(MakeSettings());
    BRIDGE_RETURN_IF_ERROR(ReadStartPictures());
    PlanSeeds();
    task_ = context_.board.Enter(form_.force_task_id);
    const int passes = form_.enable_hr ? 2 : 1;
    const int jobs = form_.n_iter * static_cast<int>(std::max<size_t>(starts_.size(), 1)) *
                     (form_.batch_size / together_);
    task_->SetJobs(jobs * passes);
    for (int i = 0; i < jobs && !task_->interrupted(); ++i) {
      BRIDGE_RETURN_IF_ERROR(DrawBatch(i, passes));
    }
    return Finish();
  }

 private:
  absl::Status ReadOptions() {
    options_ = context_.options.All();
    std::vector<std::string> unknown;
    BRIDGE_RETURN_IF_ERROR(OptionStore::Apply(form_.override_settings, options_, unknown));
    for (const std::string& name : unknown) {
      pictures_.comments.push_back(absl::StrCat("Setting unknown here: ", name));
    }
    absl::StatusOr<ModelTitle> model = context_.ChosenModel(options_);
    if (!model.ok() && form_.override_settings.contains("sd_model_checkpoint") &&
        model.status().code() == absl::StatusCode::kNotFound) {
      pictures_.comments.push_back(std::string(model.status().message()));
      options_["sd_model_checkpoint"] = context_.options.All()["sd_model_checkpoint"];
      model = context_.ChosenModel(options_);
    }
    BRIDGE_ASSIGN_OR_RETURN(pictures_.model, std::move(model));
    if (!form_.override_settings_restore_afterwards) {
      std::vector<std::string> ignored;
      BRIDGE_RETURN_IF_ERROR(context_.options.Set(form_.override_settings, ignored));
    }
    return absl::OkStatus();
  }

  void ApplyStyles() {
    const std::vector<PromptStyle> styles = context_.Styles();
    for (const std::string& name : form_.styles) {
      for (const PromptStyle& style : styles) {
        if (style.name != name) continue;
        form_.prompt = WithStyle(form_.prompt, style.prompt);
        form_.negative_prompt = WithStyle(form_.negative_prompt, style.negative_prompt);
      }
    }
  }

  absl::Status MakeSettings() {
    if (!form_.script_name.empty()) BRIDGE_RETURN_IF_ERROR(AddChosenScript());
    ApplyStyles();
    pictures_.sampling = ResolveSampler(
        form_.sampler_name.empty() ? form_.sampler_index : form_.sampler_name, form_.scheduler);
    settings_.set_compat(v1::COMPAT_PROFILE_A1111);
    settings_.set_model(pictures_.model.host_name);
    settings_.set_prompt(WithoutUnknownLoras(form_.prompt, context_.loras, pictures_.comments));
    settings_.set_negative_prompt(form_.negative_prompt);
    settings_.set_steps(form_.steps);
    settings_.set_guidance_scale(form_.cfg_scale);
    settings_.set_sampler(pictures_.sampling.sampler.host_name);
    const std::string& schedule = pictures_.sampling.scheduler.host_name;
    if (!schedule.empty()) settings_.set_schedule(schedule);
    if (form_.eta.has_value()) settings_.set_eta(*form_.eta);
    settings_.mutable_size()->set_width(form_.width);
    settings_.mutable_size()->set_height(form_.height);
    const int clip_skip = options_["CLIP_stop_at_last_layers"].get<int>();
    if (clip_skip > 1) settings_.set_clip_skip(clip_skip);
    if (form_.enable_hr) SetHires();
    BRIDGE_RETURN_IF_ERROR(AddScripts());
    SayWhatIsMissing();
    return AddPromptFiles(context_, settings_);
  }

  // A1111's Processing.calculate_target_resolution, without the crop.
  void SetHires() {
    v1::HiresPass& hires = *settings_.mutable_hires();
    double width = form_.width * form_.hr_scale, height = form_.height * form_.hr_scale;
    if (form_.hr_resize_x > 0 || form_.hr_resize_y > 0) {
      const double ratio = static_cast<double>(form_.height) / form_.width;
      width = form_.hr_resize_x > 0 ? form_.hr_resize_x : form_.hr_resize_y / ratio;
      height = form_.hr_resize_y > 0 ? form_.hr_resize_y : form_.hr_resize_x * ratio;
    }
    const auto multiple = [](double side) {
      return std::max(1, static_cast<int>(side) / kLatentScale) * kLatentScale;
    };
    hires.mutable_size()->set_width(multiple(width));
    hires.mutable_size()->set_height(multiple(height));
    hires.set_strength(std::max(form_.denoising_strength, kLeastStrength));
    hires.set_steps(form_.hr_second_pass_steps);
  }

  // The one script of a request that A1111 runs in place of its own img2img.
  absl::Status AddChosenScript() {
    if (!form_.is_img2img || !IsOutpaintingScript(form_.script_name)) {
      return absl::InvalidArgumentError(absl::StrCat("Script '", form_.script_name, "' not found"));
    }
    BRIDGE_ASSIGN_OR_RETURN(const std::string bytes, PictureBytes(form_.init_images.front()));
    BRIDGE_ASSIGN_OR_RETURN(const Picture picture, DecodePicture(bytes));
    BRIDGE_ASSIGN_OR_RETURN(
        const Outpainting margins,
        ReadOutpainting(form_.script_name, form_.script_args, picture.width, picture.height));
    v1::PluginChoice& choice = *settings_.add_plugins();
    choice.set_plugin_id("outpainter");
    auto& settings = *choice.mutable_settings();
    BRIDGE_ASSIGN_OR_RETURN(const std::string artifact, context_.host.Upload(bytes));
    settings["picture"].set_artifact_id(artifact);
    for (const auto& [name, pixels] : {std::pair("left", margins.left),
                                       {"top", margins.top},
                                       {"right", margins.right},
                                       {"bottom", margins.bottom},
                                       {"feathering", margins.feathering}}) {
      settings[name].set_typed_value(absl::StrCat(pixels));
    }
    const auto whole = [](int side) {
      return (side + kLatentScale - 1) / kLatentScale * kLatentScale;
    };
    form_.width = whole(margins.left + picture.width + margins.right);
    form_.height = whole(margins.top + picture.height + margins.bottom);
    // The plugin starts from noise, and sees the picture itself.
    form_.is_img2img = false;
    return absl::OkStatus();
  }

  absl::Status AddScripts() {
    if (form_.alwayson_scripts.empty()) return absl::OkStatus();
    BRIDGE_ASSIGN_OR_RETURN(const std::vector<PluginDescription> plugins,
                            context_.host.ListPlugins());
    const auto store = [this](const std::string& image,
                              const std::string& mask) -> absl::StatusOr<std::string> {
      BRIDGE_ASSIGN_OR_RETURN(const std::string bytes, ScriptPicture(image, mask));
      return context_.host.Upload(bytes);
    };
    BRIDGE_ASSIGN_OR_RETURN(const std::vector<v1::PluginChoice> choices,
                            ReadAlwaysOnScripts(form_.alwayson_scripts, plugins, store));
    for (const v1::PluginChoice& choice : choices) *settings_.add_plugins() = choice;
    return absl::OkStatus();
  }

  void SayWhatIsMissing() {
    std::vector<std::string>& comments = pictures_.comments;
    if (pictures_.sampling.fell_back) {
      comments.push_back(
          absl::StrCat("Sampler not found; drawn with ", pictures_.sampling.sampler.name));
    }
    if (form_.enable_hr && NoiseSeedAt(0).IsChanged()) {
      comments.push_back("Variation seeds and resized seeds act in the first pass only.");
    }
    if (form_.restore_faces) comments.push_back("Face restoration is not applied.");
    if (form_.tiling) comments.push_back("Tiling is not applied.");
  }

  absl::Status ReadStartPictures() {
    if (!form_.is_img2img) return absl::OkStatus();
    settings_.set_strength(std::max(form_.denoising_strength, kLeastStrength));
    std::optional<Picture> mask;
    if (!form_.mask.empty()) {
      BRIDGE_ASSIGN_OR_RETURN(const std::string bytes, PictureBytes(form_.mask));
      BRIDGE_ASSIGN_OR_RETURN(mask, DecodePicture(bytes));
    }
    for (const std::string& text : form_.init_images) {
      BRIDGE_ASSIGN_OR_RETURN(const std::string bytes, PictureBytes(text));
      BRIDGE_ASSIGN_OR_RETURN(const Picture image, DecodePicture(bytes));
      starts_.push_back(MakeStartPicture(image, mask,
                                         {.width = form_.width,
                                          .height = form_.height,
                                          .resize_mode = static_cast<ResizeMode>(form_.resize_mode),
                                          .mask_blur_x = form_.mask_blur_x,
                                          .mask_blur_y = form_.mask_blur_y,
                                          .mask_round = form_.mask_round,
                                          .mask_invert = form_.inpainting_mask_invert != 0,
                                          .fill = form_.inpainting_fill,
                                          .only_masked = form_.inpaint_full_res,
                                          .only_masked_padding = form_.inpaint_full_res_padding}));
    }
    if (starts_.size() > 1) form_.batch_size = 1;  // one picture from each
    return absl::OkStatus();
  }

  void PlanSeeds() {
    pictures_.first_seed = SeedOrAny(form_.seed);
    pictures_.first_subseed = SeedOrAny(form_.subseed);
    // Variations have one seed, and the host counts a batch's up.
    together_ = IsVariation() ? 1 : form_.batch_size;
  }

  bool IsVariation() const { return form_.subseed_strength != 0; }
  // Of a picture, counted over all batches.
  int64_t SeedAt(int64_t picture) const {
    return pictures_.first_seed + (IsVariation() ? 0 : picture);
  }
  int64_t SubseedAt(int64_t picture) const { return pictures_.first_subseed + picture; }

  NoiseSeed NoiseSeedAt(int64_t picture) const {
    return {.seed = static_cast<uint64_t>(SeedAt(picture)),
            .subseed = static_cast<uint64_t>(SubseedAt(picture)),
            .strength = form_.subseed_strength,
            .resized_from_width = form_.seed_resize_from_w / kLatentScale,
            .resized_from_height = form_.seed_resize_from_h / kLatentScale};
  }

  absl::Status SendNoise(int64_t first, v1::GenerationSettings& settings) {
    std::vector<NoiseSeed> seeds;
    for (int i = 0; i < together_; ++i) seeds.push_back(NoiseSeedAt(first + i));
    if (!seeds.front().IsChanged()) return absl::OkStatus();
    BRIDGE_ASSIGN_OR_RETURN(const LatentShape shape,
                            LatentShapeOf(context_.host, settings.model()));
    BRIDGE_ASSIGN_OR_RETURN(const std::string noise,
                            UploadNoise(context_.host, seeds, shape, form_.width, form_.height));
    settings.set_initial_latent_artifact_id(noise);
    return absl::OkStatus();
  }

  absl::Status DrawBatch(int number, int passes) {
    const StartPicture* start = starts_.empty() ? nullptr : &starts_[number % starts_.size()];
    const int64_t first = int64_t{number} * together_;
    v1::CreateAndWatchGenerationRequest request;
    *request.mutable_settings() = settings_;
    request.mutable_settings()->set_seed(static_cast<uint64_t>(SeedAt(first)));
    request.mutable_settings()->set_batch(together_);
    request.set_previews(options_["live_previews_enable"] != false);
    BRIDGE_RETURN_IF_ERROR(SendNoise(first, *request.mutable_settings()));
    if (start != nullptr) BRIDGE_RETURN_IF_ERROR(SendStart(*start, *request.mutable_settings()));
    absl::StatusOr<v1::Generation> drawn = Follow(request, number, passes);
    const bool skipped = task_->TakeSkip();
    task_->SetCancel({});
    if (!drawn.ok()) return drawn.status();
    switch (drawn->state()) {
      case v1::GENERATION_STATE_SUCCEEDED:
        return Keep(*drawn, first, start);
      case v1::GENERATION_STATE_CANCELLED:
        if (skipped || task_->interrupted()) return KeepPreview(first, start);
        return absl::CancelledError("the generation was cancelled on the server");
      default:
        return absl::Status(static_cast<absl::StatusCode>(drawn->error().code()),
                            drawn->error().message());
    }
  }

  absl::Status SendStart(const StartPicture& start, v1::GenerationSettings& settings) {
    BRIDGE_ASSIGN_OR_RETURN(const bool changes_latent, ChangesLatent(start, settings.model()));
    if (changes_latent) {
      BRIDGE_ASSIGN_OR_RETURN(const std::string latent,
                              UploadStartLatent(context_.host, settings.model(), start, form_.width,
                                                form_.height, together_, settings.seed()));
      settings.set_start_latent_artifact_id(latent);
    } else {
      BRIDGE_ASSIGN_OR_RETURN(const std::string image,
                              context_.host.Upload(EncodePng(start.image)));
      settings.set_image_artifact_id(image);
    }
    if (!start.mask.has_value()) return absl::OkStatus();
    BRIDGE_ASSIGN_OR_RETURN(const std::string mask, context_.host.Upload(EncodePng(*start.mask)));
    settings.set_mask_artifact_id(mask);
    // StartPicture::Finished() does it, with the blurred mask and in the whole picture.
    settings.set_overlay(false);
    return absl::OkStatus();
  }

  absl::StatusOr<bool> ChangesLatent(const StartPicture& start, const std::string& model) {
    if (!start.ChangesLatent()) return false;
    if (!start.mask.has_value()) return true;
    BRIDGE_ASSIGN_OR_RETURN(const LatentShape shape, LatentShapeOf(context_.host, model));
    // The host shows such a network the picture, and so has to be given it.
    if (shape.shows_mask) {
      pictures_.comments.push_back(
          "Masked content is not changed in an inpainting model's latent.");
    }
    return !shape.shows_mask;
  }

  absl::StatusOr<v1::Generation> Follow(const v1::CreateAndWatchGenerationRequest& request,
                                        int number, int passes) {
    bool known = false;
    return context_.host.Generate(request, [&](const v1::GenerationEvent& event) {
      if (event.has_progress()) {
        const v1::StepProgress& progress = event.progress();
        task_->SetStep(number * passes + std::min(progress.pass(), passes - 1), progress.step(),
                       progress.steps());
      } else if (event.has_preview() && event.preview().jpegs_size() > 0) {
        task_->SetPreview(event.preview().jpegs(0));
      } else if (event.has_state_changed() && !known) {
        known = true;
        const std::string id = event.state_changed().id();
        task_->SetCancel([this, id] { context_.host.CancelGeneration(id).IgnoreError(); });
        // Somebody may have asked before there was anything to cancel.
        if (task_->interrupted()) context_.host.CancelGeneration(id).IgnoreError();
      }
    });
  }

  absl::Status Keep(const v1::Generation& drawn, int64_t first, const StartPicture* start) {
    for (int i = 0; i < drawn.pictures_size(); ++i) {
      BRIDGE_ASSIGN_OR_RETURN(std::string bytes,
                              context_.host.Download(drawn.pictures(i).artifact_id()));
      pictures_.Add(std::move(bytes), SeedAt(first + i), SubseedAt(first + i), drawn.report(),
                    settings_, form_, options_, start);
    }
    for (const std::string& warning : drawn.report().warnings()) {
      pictures_.comments.push_back(warning);
    }
    return absl::OkStatus();
  }

  absl::Status KeepPreview(int64_t first, const StartPicture* start) {
    const std::string preview = task_->preview();
    if (preview.empty()) return absl::OkStatus();
    BRIDGE_ASSIGN_OR_RETURN(const Picture small, DecodePicture(preview));
    const Picture large =
        Resize(WithChannels(small, 3), form_.width, form_.height, ResizeFilter::kLanczos);
    pictures_.Add(EncodePng(large), SeedAt(first), SubseedAt(first), {}, settings_, form_, options_,
                  start);
    return absl::OkStatus();
  }

  Json Finish() {
    Json images = Json::array();
    if (form_.send_images) {
      for (const std::string& bytes : pictures_.files) {
        images.push_back(absl::Base64Escape(bytes));
      }
    }
    return {{"images", std::move(images)},
            {"parameters", form_.parameters},
            {"info",
             pictures_.Info(form_, options_).dump(-1, ' ', false, Json::error_handler_t::replace)}};
  }

  Context& context_;
  GenerationForm form_;
  Json options_;
  v1::GenerationSettings settings_;
  std::vector<StartPicture> starts_;
  int together_ = 1;  // pictures of a batch
  DrawnPictures pictures_;
  std::unique_ptr<TaskBoard::Task> task_;
};

}  // namespace

absl::StatusOr<std::string> PictureBytes(const std::string& text) {
  if (absl::StartsWithIgnoreCase(text, "http://") || absl::StartsWithIgnoreCase(text, "https://")) {
    return absl::InvalidArgumentError(
        "pictures are taken as base64 text; addresses are not fetched");
  }
  std::string_view base64 = text;
  if (const size_t comma = base64.find(','); base64.starts_with("data:") && comma != base64.npos) {
    base64 = base64.substr(comma + 1);
  }
  std::string bytes;
  if (base64.empty() || !absl::Base64Unescape({base64.data(), base64.size()}, &bytes)) {
    return absl::InvalidArgumentError("Invalid encoded image: this is no base64 text");
  }
  return bytes;
}

HttpResponse Draw(Context& context, GenerationForm form) {
  absl::StatusOr<Json> result = Job(context, std::move(form)).Run();
  return result.ok() ? Answer(*result) : StatusAnswer(result.status());
}

}  // namespace patchbay::webui
