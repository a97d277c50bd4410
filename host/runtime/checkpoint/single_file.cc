#include "host/runtime/checkpoint/single_file.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/checkpoint_parts.h"
#include "host/runtime/checkpoint/file_kind.h"
#include "host/runtime/checkpoint/ldm_names.h"
#include "host/runtime/checkpoint/open_clip.h"
#include "host/runtime/checkpoint/prediction_type.h"
#include "host/runtime/checkpoint/stored_configs.h"
#include "host/runtime/checkpoint/weight_names.h"

namespace patchbay {
namespace {

constexpr size_t kNamesShown = 5;
constexpr int64_t kOpenClipPad = 0;

// The tensors of a file by component, without the component's prefix.
struct SortedTensors {
  WeightMap unet;
  WeightMap autoencoder;
  WeightMap clip;
  WeightMap open_clip;
  std::vector<std::string> not_understood;
};

struct ComponentPrefix {
  std::string_view prefix;
  WeightMap SortedTensors::*component;
};

constexpr ComponentPrefix kPrefixes[] = {
    {"model.diffusion_model.", &SortedTensors::unet},
    {"first_stage_model.", &SortedTensors::autoencoder},
    {"vae.", &SortedTensors::autoencoder},
    {"cond_stage_model.transformer.", &SortedTensors::clip},
    {"cond_stage_model.model.", &SortedTensors::open_clip},
    {"conditioner.embedders.0.transformer.", &SortedTensors::clip},
    {"conditioner.embedders.0.model.", &SortedTensors::open_clip},
    {"conditioner.embedders.1.model.", &SortedTensors::open_clip},
    // stable-diffusion.cpp: the second text encoder, and those that were files of their own.
    {"cond_stage_model.1.transformer.", &SortedTensors::open_clip},
    {"text_encoders.clip_l.transformer.", &SortedTensors::clip},
    {"text_encoders.clip_g.transformer.", &SortedTensors::open_clip},
};

// What training leaves in files: noise schedules, averaged copies, losses, counters. The marks of a
// prediction type are read elsewhere.
constexpr std::string_view kKnownExtras[] = {
    "model_ema.",
    "denoiser.",
    "betas",
    "alphas_cumprod",
    "sqrt_",
    "log_one_minus_alphas_cumprod",
    "posterior_",
    "lvlb_weights",
    "logvar",
    "global_step",
    "edm_mean",
    "edm_std",
    "edm_vpred.",
    "v_pred",
    "ztsnr",
    "scale_factor",
    "iteration",
    "epoch",
    "first_stage_model.loss.",
    "first_stage_model.model_ema.",
    "cond_stage_model.logit_scale",
    "embedding_manager.",
    "loss.",
    "depth_model.",
};

bool IsKnownExtra(std::string_view name) {
  return std::any_of(std::begin(kKnownExtras), std::end(kKnownExtras),
                     [name](std::string_view extra) { return name.starts_with(extra); });
}

// Whether a text encoder under transformers' names is OpenCLIP's: stable-diffusion.cpp writes the
// one of the second generation and of SDXL's refiner where files have CLIP-L. They are told by
// their widths; CLIP-L's is 768.
bool IsOpenClip(const WeightMap& text_encoder) {
  constexpr int64_t kSecondGeneration = 1024;
  constexpr int64_t kRefiner = 1280;
  const int64_t width = WeightSize(text_encoder, "text_model.embeddings.token_embedding.weight", 1);
  return width == kSecondGeneration || width == kRefiner;
}

SortedTensors Sort(const CheckpointFile& file) {
  SortedTensors sorted;
  for (const auto& [name, stored] : file.tensors) {
    if (IsKnownExtra(name)) continue;
    const auto* prefix =
        std::find_if(std::begin(kPrefixes), std::end(kPrefixes),
                     [&n = name](const ComponentPrefix& p) { return n.starts_with(p.prefix); });
    if (prefix == std::end(kPrefixes)) {
      sorted.not_understood.push_back(name);
      continue;
    }
    (sorted.*prefix->component).emplace(name.substr(prefix->prefix.size()), stored);
  }
  if (sorted.open_clip.empty() && IsOpenClip(sorted.clip)) sorted.clip.swap(sorted.open_clip);
  return sorted;
}

absl::Status RequireWhole(const CheckpointFile& file, const SortedTensors& sorted,
                          bool needs_unet) {
  if (needs_unet && sorted.unet.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.path, " is ", DescribeForeignTensors(TensorNames(file.tensors))));
  }
  const char* missing = nullptr;
  if (sorted.autoencoder.empty()) missing = "no autoencoder (first_stage_model.)";
  if (sorted.clip.empty() && sorted.open_clip.empty()) {
    missing = missing == nullptr ? "no text encoder (cond_stage_model. or conditioner.)"
                                 : "neither autoencoder nor text encoder";
  }
  if (missing == nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      file.path, " has ", missing, "; a checkpoint with all its components is needed"));
}

WeightMap ConvertAutoencoder(const WeightMap& ldm) {
  const int64_t levels =
      std::max(CountChildren(ldm, "decoder.up"), CountChildren(ldm, "encoder.down"));
  WeightMap result;
  for (const auto& [name, stored] : ldm) {
    const std::string converted = AutoencoderDiffusersName(name, levels).value_or(name);
    at::Tensor tensor = stored.tensor;
    // LDM's attention is made of 1x1 convolutions, diffusers' of linear layers.
    const bool attention = converted.find(".attentions.") != std::string::npos;
    while (attention && tensor.dim() > 2 && tensor.size(-1) == 1) tensor = tensor.squeeze(-1);
    result.emplace(converted, stored.SeenAs(std::move(tensor)));
  }
  return NormalizedAutoencoder(std::move(result));
}

// The projection that some programs store with CLIP-L belongs to its picture side.
WeightMap ConvertClip(WeightMap clip) {
  std::erase_if(clip, [](const auto& item) {
    return item.first.starts_with("text_projection") || item.first == "text_model.text_projection";
  });
  return NormalizedTextEncoder(std::move(clip));
}

absl::Status AddTextEncoders(SortedTensors sorted, Checkpoint& checkpoint) {
  if (!sorted.clip.empty()) {
    TextEncoderPart part;
    part.weights = ConvertClip(std::move(sorted.clip));
    part.config = DeriveTextEncoderConfig(part.weights);
    part.config.activation = TextActivation::kQuickGelu;
    // CLIP pads with its last token.
    part.pad_token_id = ClipVocabularySize(part.weights) - 1;
    checkpoint.text_encoders.push_back(std::move(part));
  }
  if (!sorted.open_clip.empty()) {
    const bool pooled = checkpoint.unet.count("add_embedding.linear_1.weight") != 0;
    TextEncoderPart part;
    PATCHBAY_ASSIGN_OR_RETURN(
        part.weights, ConvertOpenClip(sorted.open_clip, pooled ? OpenClipUse::kProjected
                                                               : OpenClipUse::kPenultimate));
    part.config = DeriveTextEncoderConfig(part.weights);
    part.config.activation = TextActivation::kGelu;
    part.pad_token_id = kOpenClipPad;
    checkpoint.text_encoders.push_back(std::move(part));
  }
  return absl::OkStatus();
}

// The added embedding's input is the pooled text and 6 embedded numbers (the refiner: 5).
int64_t AddedTimeWidth(const Checkpoint& checkpoint, int64_t otherwise) {
  const int64_t all = WeightSize(checkpoint.unet, "add_embedding.linear_1.weight", 1);
  const int64_t pooled =
      WeightSize(checkpoint.text_encoders.back().weights, "text_projection.weight", 0);
  const int64_t numbers = checkpoint.text_encoders.size() == 1 ? 5 : 6;
  if (pooled == 0 || all <= pooled || (all - pooled) % numbers != 0) return otherwise;
  return (all - pooled) / numbers;
}

std::vector<double> Values(const CheckpointFile& file, std::string_view name) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) return {};
  const at::Tensor tensor = found->second.Values().to(at::kDouble).flatten().contiguous();
  const double* first = tensor.const_data_ptr<double>();
  return std::vector<double>(first, first + tensor.numel());
}

// Scaling factors are those of the family's own autoencoder; files do not tell.
void SetAutoencoderConfig(const CheckpointFile& file, Checkpoint& checkpoint) {
  AutoencoderConfig& config = checkpoint.autoencoder_config;
  switch (checkpoint.description.family) {
    case ModelFamily::kStableDiffusion1:
    case ModelFamily::kStableDiffusion2:
      return;
    case ModelFamily::kPlayground:
      config.scaling_factor = 0.5;
      config.latents_mean = Values(file, "edm_mean");
      config.latents_std = Values(file, "edm_std");
      break;
    default:
      config.scaling_factor = 0.13025;
      break;
  }
  config.force_upcast = true;
}

void WarnOfUnknown(const std::vector<std::string>& names, std::vector<std::string>& warnings) {
  if (names.empty()) return;
  const auto shown = names.begin() + static_cast<long>(std::min(names.size(), kNamesShown));
  std::string text =
      absl::StrCat("not understood and not used: ", absl::StrJoin(names.begin(), shown, ", "));
  if (names.size() > kNamesShown) {
    absl::StrAppend(&text, " and ", names.size() - kNamesShown, " more tensors");
  }
  warnings.push_back(std::move(text));
}

}  // namespace

bool HoldsEveryComponent(const CheckpointFile& file) {
  const SortedTensors sorted = Sort(file);
  return !sorted.unet.empty() && !sorted.autoencoder.empty() &&
         !(sorted.clip.empty() && sorted.open_clip.empty());
}

absl::StatusOr<Checkpoint> OpenSingleFile(const std::string& path,
                                          const OpenCheckpointOptions& options) {
  PATCHBAY_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(path));
  return OpenSingleFile(ContentOf(file), options);
}

absl::StatusOr<Checkpoint> OpenSingleFile(const CheckpointFile& file,
                                          const OpenCheckpointOptions& options) {
  SortedTensors sorted = Sort(file);
  PATCHBAY_RETURN_IF_ERROR(RequireWhole(file, sorted, !options.unet.has_value()));

  Checkpoint checkpoint;
  ModelDescription& description = checkpoint.description;
  description.path = file.path;
  description.layout = CheckpointLayout::kSingleFile;
  WarnOfUnknown(sorted.not_understood, description.warnings);
  checkpoint.unet =
      options.unet.has_value() ? *options.unet : UNetUnderDiffusersNames(std::move(sorted.unet));
  checkpoint.unet_config = DeriveUNetConfig(checkpoint.unet);
  checkpoint.autoencoder = ConvertAutoencoder(sorted.autoencoder);
  checkpoint.autoencoder_config = DeriveAutoencoderConfig(checkpoint.autoencoder);
  PATCHBAY_RETURN_IF_ERROR(AddTextEncoders(std::move(sorted), checkpoint));
  checkpoint.unet_config.addition_time_embed_dim =
      AddedTimeWidth(checkpoint, checkpoint.unet_config.addition_time_embed_dim);
  PATCHBAY_RETURN_IF_ERROR(ReadStoredConfigs(file, checkpoint));
  PATCHBAY_RETURN_IF_ERROR(CheckUNetConfig(checkpoint.unet_config, checkpoint.unet));
  for (const TextEncoderPart& part : checkpoint.text_encoders) {
    PATCHBAY_RETURN_IF_ERROR(CheckTextEncoderConfig(part.config, part.weights));
  }

  description.edm_preconditioning = UsesEdm(file);
  const ModelFamily family = DeriveFamily(checkpoint, description.edm_preconditioning);
  description.prediction_type =
      options.prediction_type.value_or(FindPredictionType(file, family, checkpoint.unet));
  DescribeWeights(checkpoint);
  if (file.metadata.count("vae/config") == 0) SetAutoencoderConfig(file, checkpoint);
  checkpoint.unet_config.upcast_attention =
      family == ModelFamily::kStableDiffusion2 && description.prediction_type == "v_prediction";
  description.force_zeros_for_empty_prompt =
      checkpoint.unet.count("add_embedding.linear_1.weight") != 0;
  description.requires_aesthetics_score = family == ModelFamily::kStableDiffusionXlRefiner;
  description.scheduler_json = StoredSchedulerJson(file).value_or(
      DefaultSchedulerJson(family, description.prediction_type, HasZeroTerminalSnr(file)));
  PATCHBAY_RETURN_IF_ERROR(OverridePredictionType(description.prediction_type, description));
  return checkpoint;
}

}  // namespace patchbay
