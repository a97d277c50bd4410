#include "host/service/settings_conversion.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/engine/jobs/error_reason.h"
#include "host/service/plugin_conversion.h"

namespace patchbay {
namespace {

constexpr std::pair<v1::CompatProfile, CompatProfile> kProfiles[] = {
    {v1::COMPAT_PROFILE_DIFFUSERS, CompatProfile::kDiffusers},
    {v1::COMPAT_PROFILE_COMFYUI, CompatProfile::kComfyUi},
    {v1::COMPAT_PROFILE_A1111, CompatProfile::kA1111},
    {v1::COMPAT_PROFILE_UNSPECIFIED, CompatProfile::kDiffusers}};

constexpr std::pair<v1::PluginFailurePolicy, PluginFailurePolicy> kFailurePolicies[] = {
    {v1::PLUGIN_FAILURE_POLICY_FAIL, PluginFailurePolicy::kFail},
    {v1::PLUGIN_FAILURE_POLICY_SKIP, PluginFailurePolicy::kSkip},
    {v1::PLUGIN_FAILURE_POLICY_UNSPECIFIED, PluginFailurePolicy::kFail}};

constexpr std::pair<v1::PictureFormat, PictureFormat> kFormats[] = {
    {v1::PICTURE_FORMAT_PNG, PictureFormat::kPng},
    {v1::PICTURE_FORMAT_JPEG, PictureFormat::kJpeg},
    {v1::PICTURE_FORMAT_WEBP, PictureFormat::kWebp},
    {v1::PICTURE_FORMAT_UNSPECIFIED, PictureFormat::kPng}};

absl::Status Refuse(const char* field, const std::string& what) {
  return WithDetails(absl::InvalidArgumentError(absl::StrCat(field, ": ", what)),
                     {std::string(error_reason::kInvalidSettings), {{"field", field}}, {}});
}

template <typename Proto, typename Value, size_t kCount>
absl::StatusOr<Value> EnumFromProto(const char* field, Proto wanted,
                                    const std::pair<Proto, Value> (&table)[kCount]) {
  for (const auto& [proto, value] : table) {
    if (proto == wanted) return value;
  }
  return Refuse(field,
                absl::StrCat("this server does not know the value ", static_cast<int>(wanted)));
}

template <typename Proto, typename Value, size_t kCount>
Proto EnumToProto(Value wanted, const std::pair<Proto, Value> (&table)[kCount]) {
  for (const auto& [proto, value] : table) {
    if (value == wanted) return proto;
  }
  return table[0].first;
}

absl::StatusOr<std::vector<JobLora>> LorasFromProto(const v1::GenerationSettings& settings) {
  std::vector<JobLora> loras;
  for (const v1::Lora& lora : settings.loras()) {
    if (lora.artifact_id().empty() && lora.name().empty()) {
      return Refuse("loras", "a LoRA needs an artifact_id or a name");
    }
    loras.push_back({lora.artifact_id(), lora.name(),
                     lora.has_unet_weight() ? lora.unet_weight() : 1.0,
                     lora.has_text_weight() ? lora.text_weight() : 1.0, lora.title()});
  }
  return loras;
}

// Files that stand in a setting's place are added to `files`.
absl::StatusOr<std::vector<ChosenPlugin>> PluginsFromProto(const v1::GenerationSettings& settings,
                                                           std::vector<NamedArtifact>& files) {
  std::vector<ChosenPlugin> plugins;
  for (const v1::PluginChoice& choice : settings.plugins()) {
    ChosenPlugin plugin{choice.plugin_id(), {}, choice.build()};
    PATCHBAY_ASSIGN_OR_RETURN(
        plugin.settings, SettingsFromParameters("plugins.settings", choice.settings(), &files));
    plugins.push_back(std::move(plugin));
  }
  return plugins;
}

void PluginsToProto(const std::vector<ChosenPlugin>& plugins, v1::GenerationSettings& settings) {
  for (const ChosenPlugin& plugin : plugins) {
    v1::PluginChoice* choice = settings.add_plugins();
    choice->set_plugin_id(plugin.id);
    choice->set_build(plugin.build);
    SettingsToParameters(plugin.settings, choice->mutable_settings());
  }
}

void SizeToProto(const PictureSize& size, v1::PictureSize* proto) {
  proto->set_width(size.width);
  proto->set_height(size.height);
}

// The fields that are plain numbers and texts.
void TakeScalars(const v1::GenerationSettings& from, GenerationRequest& to) {
  to.prompt = from.prompt();
  to.negative_prompt = from.negative_prompt();
  if (from.has_steps()) to.steps = from.steps();
  if (from.has_guidance_scale()) to.guidance_scale = from.guidance_scale();
  if (from.has_sampler()) to.sampler = from.sampler();
  if (from.has_schedule()) to.schedule = from.schedule();
  to.eta_given = from.has_eta();
  if (from.has_eta()) to.eta = from.eta();
  if (from.has_batch()) to.batch = from.batch();
  if (from.has_size()) to.size = PictureSize{from.size().width(), from.size().height()};
  if (from.has_clip_skip()) to.clip_skip = from.clip_skip();
  if (from.has_strength()) to.strength = from.strength();
  to.keep_latent = from.keep_latent();
  to.without_pictures = from.without_pictures();
  if (from.has_overlay()) to.overlay = from.overlay();
}

HiresPass HiresFromProto(const v1::HiresPass& proto) {
  HiresPass hires;
  hires.size = {proto.size().width(), proto.size().height()};
  if (proto.has_strength()) hires.strength = proto.strength();
  hires.steps = proto.steps();
  return hires;
}

StepRange RangeFromProto(const v1::StepRange& proto) {
  StepRange range;
  range.first = proto.first();
  if (proto.has_end()) range.end = proto.end();
  range.adds_noise = !proto.without_added_noise();
  range.keeps_noise = proto.keep_noise();
  return range;
}

void RangeToProto(const StepRange& range, v1::StepRange& proto) {
  proto.set_first(range.first);
  if (range.end.has_value()) proto.set_end(*range.end);
  proto.set_without_added_noise(!range.adds_noise);
  proto.set_keep_noise(range.keeps_noise);
}

void ScalarsToProto(const GenerationRequest& from, v1::GenerationSettings& to) {
  to.set_prompt(from.prompt);
  to.set_negative_prompt(from.negative_prompt);
  to.set_steps(from.steps);
  to.set_guidance_scale(from.guidance_scale);
  if (from.sampler.has_value()) to.set_sampler(*from.sampler);
  if (from.schedule.has_value()) to.set_schedule(*from.schedule);
  if (from.eta_given) to.set_eta(from.eta);
  to.set_batch(from.batch);
  if (from.size.has_value()) SizeToProto(*from.size, to.mutable_size());
  if (from.clip_skip.has_value()) to.set_clip_skip(*from.clip_skip);
  to.set_strength(from.strength);
  to.set_keep_latent(from.keep_latent);
  to.set_without_pictures(from.without_pictures);
  if (from.overlay.has_value()) to.set_overlay(*from.overlay);
  if (from.range.has_value()) RangeToProto(*from.range, *to.mutable_range());
  if (!from.hires.has_value()) return;
  SizeToProto(from.hires->size, to.mutable_hires()->mutable_size());
  to.mutable_hires()->set_strength(from.hires->strength);
  to.mutable_hires()->set_steps(from.hires->steps);
}

}  // namespace

std::vector<NamedArtifact> FilesFromProto(const NamedFiles& files) {
  std::vector<NamedArtifact> named;
  for (const v1::NamedFile& file : files) named.push_back({file.name(), file.artifact_id()});
  return named;
}

void FilesToProto(const std::vector<NamedArtifact>& files, NamedFiles* named) {
  for (const NamedArtifact& file : files) {
    v1::NamedFile* added = named->Add();
    added->set_name(file.name);
    added->set_artifact_id(file.artifact_id);
  }
}

absl::StatusOr<JobRequest> SettingsFromProto(const v1::GenerationSettings& settings) {
  JobRequest request;
  TakeScalars(settings, request.settings);
  PATCHBAY_ASSIGN_OR_RETURN(request.settings.compat,
                            EnumFromProto("compat", settings.compat(), kProfiles));
  PATCHBAY_ASSIGN_OR_RETURN(request.format,
                            EnumFromProto("picture_format", settings.picture_format(), kFormats));
  PATCHBAY_ASSIGN_OR_RETURN(request.loras, LorasFromProto(settings));
  request.plugin_files = FilesFromProto(settings.plugin_files());
  PATCHBAY_ASSIGN_OR_RETURN(request.settings.plugins,
                            PluginsFromProto(settings, request.plugin_files));
  request.settings.plugins_in_given_order = settings.plugins_in_given_order();
  request.without_default_plugins = settings.without_default_plugins();
  PATCHBAY_ASSIGN_OR_RETURN(
      request.plugin_failure_policy,
      EnumFromProto("plugin_failure_policy", settings.plugin_failure_policy(), kFailurePolicies));
  request.model = settings.model();
  if (settings.has_seed()) request.seed = settings.seed();
  if (settings.has_hires()) request.settings.hires = HiresFromProto(settings.hires());
  if (settings.has_range()) request.settings.range = RangeFromProto(settings.range());
  request.image_artifact_id = settings.image_artifact_id();
  request.mask_artifact_id = settings.mask_artifact_id();
  request.initial_latent_artifact_id = settings.initial_latent_artifact_id();
  request.start_latent_artifact_id = settings.start_latent_artifact_id();
  request.embeddings = FilesFromProto(settings.embeddings());
  request.wildcards = FilesFromProto(settings.wildcards());
  request.prompt_loras = FilesFromProto(settings.prompt_loras());
  return request;
}

v1::GenerationSettings SettingsToProto(const JobRequest& request) {
  v1::GenerationSettings settings;
  ScalarsToProto(request.settings, settings);
  PluginsToProto(request.settings.plugins, settings);
  settings.set_plugins_in_given_order(request.settings.plugins_in_given_order);
  settings.set_without_default_plugins(request.without_default_plugins);
  settings.set_plugin_failure_policy(EnumToProto(request.plugin_failure_policy, kFailurePolicies));
  settings.set_model(request.model);
  settings.set_compat(EnumToProto(request.settings.compat, kProfiles));
  settings.set_picture_format(EnumToProto(request.format, kFormats));
  if (request.seed.has_value()) settings.set_seed(*request.seed);
  settings.set_image_artifact_id(request.image_artifact_id);
  settings.set_mask_artifact_id(request.mask_artifact_id);
  settings.set_initial_latent_artifact_id(request.initial_latent_artifact_id);
  settings.set_start_latent_artifact_id(request.start_latent_artifact_id);
  for (const JobLora& lora : request.loras) {
    v1::Lora* added = settings.add_loras();
    if (lora.artifact_id.empty()) {
      added->set_name(lora.name);
    } else {
      added->set_artifact_id(lora.artifact_id);
    }
    added->set_unet_weight(lora.unet_weight);
    added->set_text_weight(lora.text_weight);
    added->set_title(lora.title);
  }
  FilesToProto(request.embeddings, settings.mutable_embeddings());
  FilesToProto(request.wildcards, settings.mutable_wildcards());
  FilesToProto(request.prompt_loras, settings.mutable_prompt_loras());
  FilesToProto(request.plugin_files, settings.mutable_plugin_files());
  return settings;
}

}  // namespace patchbay
