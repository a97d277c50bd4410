#include "host/runtime/checkpoint/checkpoint_parts.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "host/runtime/checkpoint/ldm_names.h"
#include "host/runtime/checkpoint/weight_names.h"

namespace patchbay {
namespace {

constexpr std::string_view kTextModel = "text_model.";
constexpr int64_t kOpenClipTextWidth = 1024;

bool EndsWithAny(std::string_view name, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [name](std::string_view ending) { return name.ends_with(ending); });
}

ComponentSummary Summarize(std::string name, const WeightMap& weights) {
  ComponentSummary summary;
  summary.name = std::move(name);
  for (const auto& [tensor_name, stored] : weights) {
    summary.parameters += stored.tensor.numel();
    summary.quantized |= stored.blocks.has_value();
    summary.bytes[stored.TypeName()] += stored.ByteCount();
  }
  return summary;
}

// Width of the text's hidden states as the U-Net's cross-attention takes them.
int64_t TextWidth(const WeightMap& unet) {
  for (const auto& [name, stored] : unet) {
    if (name.ends_with(".attn2.to_k.weight")) return stored.tensor.size(-1);
  }
  return 0;
}

bool IsSecondGeneration(const Checkpoint& checkpoint) {
  if (checkpoint.text_encoders.empty()) return TextWidth(checkpoint.unet) == kOpenClipTextWidth;
  return checkpoint.text_encoders.front().config.activation == TextActivation::kGelu;
}

int64_t NativeSize(const Checkpoint& checkpoint) {
  const ModelDescription& description = checkpoint.description;
  if (checkpoint.unet_config.sample_size > 0) {
    return checkpoint.unet_config.sample_size * description.latent_scale;
  }
  switch (description.family) {
    case ModelFamily::kStableDiffusion1:
      return 512;
    case ModelFamily::kStableDiffusion2:
      return description.prediction_type == "v_prediction" ? 768 : 512;
    default:
      return 1024;
  }
}

// How many resnets a down block has: the first downsampler follows them.
int64_t LayersPerBlock(const WeightMap& unet) {
  const int64_t blocks = CountChildren(unet, "input_blocks");
  for (int64_t i = 1; i < blocks; ++i) {
    if (HasPrefix(unet, absl::StrCat("input_blocks.", i, ".0.op.")))
      return std::max<int64_t>(1, i - 1);
  }
  return std::max<int64_t>(1, blocks - 1);
}

}  // namespace

WeightMap UNetUnderDiffusersNames(WeightMap unet) {
  const int64_t layers = LayersPerBlock(unet);
  WeightMap result;
  for (auto& [name, stored] : unet) {
    result.emplace(UNetDiffusersName(name, layers).value_or(name), std::move(stored));
  }
  return result;
}

WeightMap NormalizedTextEncoder(WeightMap weights) {
  WeightMap result;
  for (auto& [name, stored] : weights) {
    if (EndsWithAny(name, {"position_ids", "logit_scale"})) continue;
    const bool complete = name.starts_with(kTextModel) || name.starts_with("text_projection.");
    result.emplace(complete ? name : absl::StrCat(std::string(kTextModel), name),
                   std::move(stored));
  }
  return result;
}

WeightMap NormalizedAutoencoder(WeightMap weights) {
  WeightMap result;
  for (auto& [name, stored] : weights) {
    std::string modern = name;
    if (name.find(".attentions.") != std::string::npos) {
      modern = absl::StrReplaceAll(name, {{".query.", ".to_q."},
                                          {".key.", ".to_k."},
                                          {".value.", ".to_v."},
                                          {".proj_attn.", ".to_out.0."}});
    }
    result.emplace(std::move(modern), std::move(stored));
  }
  return result;
}

int64_t ClipVocabularySize(const WeightMap& text_encoder) {
  constexpr int64_t kWhole = 49408;
  const int64_t rows = WeightSize(text_encoder, "text_model.embeddings.token_embedding.weight", 0);
  return rows == 0 ? kWhole : std::min(rows, kWhole);
}

ModelFamily DeriveFamily(const Checkpoint& checkpoint, bool edm) {
  if (checkpoint.unet.count("add_embedding.linear_1.weight") == 0) {
    return IsSecondGeneration(checkpoint) ? ModelFamily::kStableDiffusion2
                                          : ModelFamily::kStableDiffusion1;
  }
  if (checkpoint.unet.count("encoder_hid_proj.weight") != 0) return ModelFamily::kKolors;
  if (checkpoint.text_encoders.size() == 1) return ModelFamily::kStableDiffusionXlRefiner;
  return edm ? ModelFamily::kPlayground : ModelFamily::kStableDiffusionXl;
}

void DescribeWeights(Checkpoint& checkpoint) {
  ModelDescription& description = checkpoint.description;
  description.family = DeriveFamily(checkpoint, description.edm_preconditioning);
  description.in_channels = WeightSize(checkpoint.unet, "conv_in.weight", 1);
  description.out_channels = WeightSize(checkpoint.unet, "conv_out.weight", 0);
  description.latent_channels = checkpoint.autoencoder_config.latent_channels;
  const int64_t levels = CountChildren(checkpoint.autoencoder, "decoder.up_blocks");
  description.latent_scale = int64_t{1} << std::clamp<int64_t>(levels - 1, 0, 16);
  description.native_size = NativeSize(checkpoint);
  const bool first_generations = description.family == ModelFamily::kStableDiffusion1 ||
                                 description.family == ModelFamily::kStableDiffusion2;
  description.clip_skip = first_generations ? 1 : 2;

  description.unet_width = WeightSize(checkpoint.unet, "conv_in.weight", 0);
  description.text_layers.clear();

  description.components = {Summarize("unet", checkpoint.unet),
                            Summarize("vae", checkpoint.autoencoder)};
  description.tokenizer_folders.clear();
  const bool refiner = description.family == ModelFamily::kStableDiffusionXlRefiner;
  for (size_t i = 0; i < checkpoint.text_encoders.size(); ++i) {
    const TextEncoderPart& part = checkpoint.text_encoders[i];
    description.text_layers.push_back(CountChildren(part.weights, "text_model.encoder.layers"));
    const bool second = i > 0 || refiner;
    description.components.push_back(
        Summarize(second ? "text_encoder_2" : "text_encoder", part.weights));
    description.tokenizer_folders.push_back(part.tokenizer_folder);
  }
}

}  // namespace patchbay
