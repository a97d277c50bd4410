#include "host/runtime/pipeline/loaded_model.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/checkpoint_parts.h"

namespace patchbay {
namespace {

absl::StatusOr<Tokenizer> OpenTokenizer(const TextEncoderPart& part,
                                        const TokenizerSources& sources) {
  if (!sources.folder.empty()) return Tokenizer::FromFolder(sources.folder);
  if (!part.tokenizer_folder.empty()) return Tokenizer::FromFolder(part.tokenizer_folder);
  if (sources.vocabulary_file.empty()) {
    return absl::FailedPreconditionError(
        "this checkpoint carries no tokenizer, and CLIP's vocabulary is not installed; name a "
        "tokenizer folder with --tokenizer");
  }
  PATCHBAY_ASSIGN_OR_RETURN(
      const Tokenizer tokenizer,
      Tokenizer::FromMergeListFile(sources.vocabulary_file, ClipVocabularySize(part.weights)));
  return tokenizer.WithPad(static_cast<int32_t>(part.pad_token_id));
}

// Where the text encoders and the autoencoder come from, for messages.
const std::string& OtherPartsOf(const ModelDescription& description) {
  return description.other_parts.empty() ? description.path : description.other_parts;
}

absl::StatusOr<TextModel> LoadText(const Checkpoint& checkpoint, const ComputeOptions& compute,
                                   const TokenizerSources& sources, const LoraSet& loras) {
  const ModelDescription& description = checkpoint.description;
  TextModel text;
  const bool penultimate = description.family == ModelFamily::kStableDiffusionXl ||
                           description.family == ModelFamily::kStableDiffusionXlRefiner ||
                           description.family == ModelFamily::kPlayground;
  text.rule = penultimate ? HiddenStateRule::kPenultimate : HiddenStateRule::kNormalizedLast;
  text.zeros_for_absent_negative = description.force_zeros_for_empty_prompt;
  for (const TextEncoderPart& part : checkpoint.text_encoders) {
    const std::string component = text.encoders.empty()
                                      ? "text_encoder"
                                      : absl::StrCat("text_encoder_", text.encoders.size() + 1);
    WeightReader weights(absl::StrCat("the ", component, " of ", OtherPartsOf(description)),
                         part.weights, compute.precision, compute.device);
    loras.MergeInto(
        text.encoders.empty() ? LoraComponent::kTextEncoder : LoraComponent::kTextEncoder2,
        weights);
    PATCHBAY_ASSIGN_OR_RETURN(std::shared_ptr<const ClipTextEncoder> network,
                              ClipTextEncoder::Create(part.config, weights, component));
    PATCHBAY_ASSIGN_OR_RETURN(Tokenizer tokenizer, OpenTokenizer(part, sources));
    text.encoders.push_back({std::move(network), std::move(tokenizer), nullptr});
  }
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const LoadedModel>> LoadModel(const Checkpoint& checkpoint,
                                                             const ComputeOptions& compute,
                                                             const TokenizerSources& tokenizers,
                                                             const LoraSet& loras,
                                                             UNetWeights unet_weights) {
  const ModelDescription& description = checkpoint.description;
  PATCHBAY_ASSIGN_OR_RETURN(NoiseScheduleConfig schedule,
                            ParseNoiseScheduleConfig(description.scheduler_json));
  PATCHBAY_ASSIGN_OR_RETURN(TextModel text, LoadText(checkpoint, compute, tokenizers, loras));
  WeightReader weights(absl::StrCat("the U-Net of ", description.path), checkpoint.unet,
                       compute.precision, compute.device);
  loras.MergeInto(LoraComponent::kUNet, weights);
  if (unet_weights == UNetWeights::kDeferred) weights.DeferOperators();
  PATCHBAY_ASSIGN_OR_RETURN(auto unet, UNet::Load(weights, checkpoint.unet_config));
  // SDXL's autoencoder overflows fp16.
  const bool upcast = checkpoint.autoencoder_config.force_upcast && compute.precision == at::kHalf;
  WeightReader autoencoder_weights(absl::StrCat("the autoencoder of ", OtherPartsOf(description)),
                                   checkpoint.autoencoder, upcast ? at::kFloat : compute.precision,
                                   compute.device);
  PATCHBAY_ASSIGN_OR_RETURN(auto autoencoder,
                            Autoencoder::Load(autoencoder_weights, checkpoint.autoencoder_config));
  std::unique_ptr<const PreviewDecoder> preview_decoder;
  if (!compute.preview_decoder_file.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(
        preview_decoder,
        PreviewDecoder::Open(compute.preview_decoder_file, autoencoder->latent_channels(),
                             compute.precision, compute.device));
  }
  auto releasable = std::make_unique<ReleasableWeights>(checkpoint.unet, loras, compute.precision,
                                                        compute.device, unet->sites());
  return std::make_unique<const LoadedModel>(LoadedModel{
      description, compute, NoiseSchedule(schedule), std::move(text), std::move(unet),
      std::move(autoencoder), std::make_unique<const Previews>(std::move(preview_decoder)),
      checkpoint.integer_plan, std::move(releasable)});
}

}  // namespace patchbay
