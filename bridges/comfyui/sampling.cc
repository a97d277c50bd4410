#include "bridges/comfyui/sampling.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bridges/comfyui/conditioning_check.h"
#include "bridges/comfyui/host_job.h"
#include "bridges/comfyui/latent_noise.h"
#include "bridges/comfyui/latent_storage.h"
#include "bridges/comfyui/noise_mask.h"
#include "bridges/common/latent_file.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

constexpr std::string_view kCfgPp = "_cfg_pp";
// From here on ComfyUI takes the whole schedule.
constexpr double kWholeSchedule = 0.9999;

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
  settings.mutable_size()->set_width(request.latent.width);
  settings.mutable_size()->set_height(request.latent.height);
  settings.set_batch(request.latent.batch);
  settings.set_keep_latent(true);
  if (request.range.has_value()) *settings.mutable_range() = *request.range;
  if (request.positive.clip.last_layer < 0) {
    settings.set_clip_skip(-request.positive.clip.last_layer);
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

// What the sampling starts from: nothing at all, one picture that the generation encodes itself, or
// a latent.
absl::Status SendStart(const SamplingRequest& request, NodeCall& call,
                       v1::GenerationSettings& settings) {
  const LatentValue& latent = request.latent;
  const bool whole = request.denoise >= kWholeSchedule;
  if (latent.IsEmpty() && whole && !latent.mask.has_value()) return absl::OkStatus();
  settings.set_strength(whole ? 1 : request.denoise);
  if (latent.unencoded.pictures.size() == 1 && latent.model == request.model.model) {
    BRIDGE_ASSIGN_OR_RETURN(const std::string image,
                            call.host.Upload(EncodePng(latent.unencoded.pictures.front())));
    settings.set_image_artifact_id(image);
  } else {
    BRIDGE_ASSIGN_OR_RETURN(const std::string start,
                            ArtifactFor(request.model.model, latent, call));
    settings.set_start_latent_artifact_id(start);
  }
  if (!latent.mask.has_value()) return absl::OkStatus();
  BRIDGE_ASSIGN_OR_RETURN(const Picture mask, NoiseMaskPicture(*latent.mask, latent.width,
                                                               latent.height, latent.batch));
  BRIDGE_ASSIGN_OR_RETURN(const std::string id, call.host.Upload(EncodePng(mask)));
  settings.set_mask_artifact_id(id);
  return absl::OkStatus();
}

// The noise of a latent that was taken out of a batch, or put together of several.
absl::Status SendNoise(const SamplingRequest& request, NodeCall& call,
                       v1::GenerationSettings& settings) {
  const LatentValue& latent = request.latent;
  const bool is_added = !request.range.has_value() || !request.range->without_added_noise();
  if (latent.noise_indices.empty() || !is_added) return absl::OkStatus();
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes shape,
                          ZeroPlanes(latent.batch, kLatentChannels, latent.height / kLatentScale,
                                     latent.width / kLatentScale));
  if (IsPlainNoise(latent.noise_indices, shape)) return absl::OkStatus();
  BRIDGE_ASSIGN_OR_RETURN(
      const std::string id,
      call.host.Upload(HostLatentFile(SeededNoise(request.seed, latent.noise_indices, shape))));
  settings.set_initial_latent_artifact_id(id);
  return absl::OkStatus();
}

// Whether the pictures are wanted too; then one generation gives both.
bool IsDecoded(const NodeCall& call) {
  for (const size_t output : {0, 1}) {
    if (call.feeds(output, "VAEDecode") || call.feeds(output, "VAEDecodeTiled")) return true;
  }
  return false;
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
  BRIDGE_RETURN_IF_ERROR(CheckConditioning(request));
  if (request.denoise <= 0) return request.latent;
  v1::GenerationSettings settings = SettingsOf(request);
  settings.set_without_pictures(!IsDecoded(call));
  BRIDGE_RETURN_IF_ERROR(SendStart(request, call, settings));
  BRIDGE_RETURN_IF_ERROR(SendNoise(request, call, settings));
  BRIDGE_ASSIGN_OR_RETURN(const v1::Generation drawn, RunHostJob(settings, call));
  LatentValue result = request.latent;
  result.unencoded = {};
  result.numbers = nullptr;
  result.artifact_id = drawn.latent_artifact_id();
  result.model = request.model.model;
  BRIDGE_ASSIGN_OR_RETURN(result.decoded, PicturesOfJob(drawn, call));
  return result;
}

}  // namespace patchbay::comfyui
