#include "bridges/comfyui/sampling.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bridges/common/picture_text.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

constexpr std::string_view kCfgPp = "_cfg_pp";
constexpr int kLatentScale = 8;
constexpr double kLeastStrength = 0.001;

// A LoRA is one thing to the host; the text encoders' weight is that of the positive prompt's CLIP.
void AddLoras(const SamplingRequest& request, v1::GenerationSettings& settings) {
  for (const LoraChoice& choice : request.model.loras) {
    v1::Lora& lora = *settings.add_loras();
    lora.set_name(choice.name);
    lora.set_unet_weight(choice.weight);
    lora.set_text_weight(0);
  }
  for (const LoraChoice& choice : request.positive.clip.loras) {
    v1::Lora* found = nullptr;
    for (v1::Lora& lora : *settings.mutable_loras()) {
      if (lora.name() == choice.name && lora.text_weight() == 0) found = &lora;
    }
    if (found == nullptr) {
      found = settings.add_loras();
      found->set_name(choice.name);
      found->set_unet_weight(0);
    }
    found->set_text_weight(choice.weight);
  }
}

v1::GenerationSettings SettingsOf(const SamplingRequest& request) {
  v1::GenerationSettings settings;
  settings.set_compat(v1::COMPAT_PROFILE_COMFYUI);
  settings.set_model(request.model.model);
  settings.set_prompt(request.positive.text);
  settings.set_negative_prompt(request.negative.text);
  settings.set_seed(request.seed);
  settings.set_steps(request.steps);
  settings.set_guidance_scale(request.cfg);
  settings.set_schedule(request.scheduler);
  settings.mutable_size()->set_width(request.latent.width / kLatentScale * kLatentScale);
  settings.mutable_size()->set_height(request.latent.height / kLatentScale * kLatentScale);
  settings.set_batch(request.latent.batch);
  if (request.positive.clip.last_layer < 0) {
    settings.set_clip_skip(request.positive.clip.last_layer);
  }
  for (const v1::PluginChoice& plugin : request.model.plugins) *settings.add_plugins() = plugin;
  std::string sampler = request.sampler;
  if (absl::EndsWith(sampler, std::string(kCfgPp))) {
    sampler.resize(sampler.size() - kCfgPp.size());
    v1::PluginChoice& plugin = *settings.add_plugins();
    plugin.set_plugin_id("cfgpp");
    (*plugin.mutable_settings())["source"].set_string_value("comfyui");
  }
  settings.set_sampler(sampler);
  AddLoras(request, settings);
  return settings;
}

absl::Status SendStart(const Picture& picture, const LatentValue& latent, double denoise,
                       HostSession& host, v1::GenerationSettings& settings) {
  BRIDGE_ASSIGN_OR_RETURN(const std::string image, host.Upload(EncodePng(picture)));
  settings.set_image_artifact_id(image);
  settings.set_strength(std::clamp(denoise, kLeastStrength, 1.0));
  if (!latent.mask.has_value() || latent.mask->masks.empty()) return absl::OkStatus();
  const Picture mask = Resize(latent.mask->masks.front(), settings.size().width(),
                              settings.size().height(), ResizeFilter::kBilinear);
  BRIDGE_ASSIGN_OR_RETURN(const std::string id, host.Upload(EncodePng(mask)));
  settings.set_mask_artifact_id(id);
  return absl::OkStatus();
}

// Draws one generation and adds its pictures to `result`.
absl::Status Draw(const v1::GenerationSettings& settings, int done, int all, NodeCall& call,
                  ImageValue& result) {
  v1::CreateAndWatchGenerationRequest request;
  *request.mutable_settings() = settings;
  request.set_previews(true);
  bool known = false;
  absl::StatusOr<v1::Generation> drawn =
      call.host.Generate(request, [&](const v1::GenerationEvent& event) {
        if (event.has_progress()) {
          const v1::StepProgress& progress = event.progress();
          call.on_progress(done * progress.steps() + progress.step(), all * progress.steps());
        } else if (event.has_preview() && event.preview().jpegs_size() > 0) {
          call.on_preview(event.preview().jpegs(0));
        } else if (event.has_state_changed() && !known) {
          known = true;
          const std::string id = event.state_changed().id();
          HostSession& host = call.host;
          call.set_cancel([&host, id] { host.CancelGeneration(id).IgnoreError(); });
          if (call.is_interrupted()) host.CancelGeneration(id).IgnoreError();
        }
      });
  call.set_cancel({});
  BRIDGE_RETURN_IF_ERROR(drawn.status());
  if (drawn->state() == v1::GENERATION_STATE_CANCELLED) return absl::CancelledError("interrupted");
  if (drawn->state() != v1::GENERATION_STATE_SUCCEEDED) {
    return absl::Status(static_cast<absl::StatusCode>(drawn->error().code()),
                        drawn->error().message());
  }
  for (const v1::GeneratedPicture& picture : drawn->pictures()) {
    BRIDGE_ASSIGN_OR_RETURN(const std::string bytes, call.host.Download(picture.artifact_id()));
    BRIDGE_ASSIGN_OR_RETURN(const Picture decoded, DecodePicture(bytes));
    result.pictures.push_back(WithChannels(decoded, 3));
    const auto texts = ReadPictureText(bytes);
    const bool told = texts.ok() && texts->count("parameters") > 0;
    result.infotexts.push_back(told ? texts->at("parameters") : "");
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> SamplerNames(bool with_cfg_pp) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name, bool has_cfg_pp) {
    names.push_back(name);
    if (has_cfg_pp && with_cfg_pp) names.push_back(absl::StrCat(name, std::string(kCfgPp)));
  };
  add("euler", true);
  add("euler_ancestral", true);
  add("heun", false);
  add("dpm_2", false);
  add("dpm_2_ancestral", false);
  add("lms", false);
  add("dpmpp_2s_ancestral", true);
  add("dpmpp_sde", false);
  add("dpmpp_sde_gpu", false);
  add("dpmpp_2m", true);
  add("dpmpp_2m_sde", false);
  add("dpmpp_2m_sde_gpu", false);
  add("dpmpp_3m_sde", false);
  add("dpmpp_3m_sde_gpu", false);
  add("ddpm", false);
  add("lcm", false);
  add("ddim", false);
  add("uni_pc", false);
  add("uni_pc_bh2", false);
  return names;
}

std::vector<std::string> SchedulerNames() {
  return {"simple", "sgm_uniform", "karras",           "exponential", "ddim_uniform",
          "beta",   "normal",      "linear_quadratic", "kl_optimal"};
}

absl::StatusOr<LatentValue> Sample(const SamplingRequest& request, NodeCall& call) {
  const v1::GenerationSettings settings = SettingsOf(request);
  LatentValue result = request.latent;
  result.width = settings.size().width();
  result.height = settings.size().height();
  result.image = {};
  const std::vector<Picture>& starts = request.latent.image.pictures;
  if (starts.empty()) {
    BRIDGE_RETURN_IF_ERROR(Draw(settings, 0, 1, call, result.image));
    return result;
  }
  // The host starts a generation from one picture; each of a batch is drawn with its own seed.
  const int count = std::max(request.latent.batch, static_cast<int>(starts.size()));
  for (int i = 0; i < count; ++i) {
    if (call.is_interrupted()) return absl::CancelledError("interrupted");
    v1::GenerationSettings one = settings;
    one.set_batch(1);
    one.set_seed(settings.seed() + static_cast<uint64_t>(i));
    BRIDGE_RETURN_IF_ERROR(
        SendStart(starts[i % starts.size()], request.latent, request.denoise, call.host, one));
    BRIDGE_RETURN_IF_ERROR(Draw(one, i, count, call, result.image));
  }
  return result;
}

}  // namespace patchbay::comfyui
