#include "host/validator/tiny_model.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/validator/random_weights.h"

namespace patchbay {
namespace {

constexpr int64_t kTextWidth = 48;
constexpr int64_t kNormGroups = 8;

// Knows single bytes, inside a word and at its end.
absl::StatusOr<Tokenizer> ByteTokenizer() {
  Tokenizer::Parts parts;
  const auto symbols = ByteSymbols();
  int32_t id = 0;
  for (const char* const suffix : {"", "</w>"}) {
    for (const uint8_t byte : ByteOrder()) parts.vocabulary[symbols[byte] + suffix] = id++;
  }
  parts.added = {{parts.start, id, false}, {parts.end, id + 1, false}};
  return Tokenizer::Create(parts);
}

absl::StatusOr<TextModel> MakeText(RandomWeights& random, const ComputeOptions& compute) {
  constexpr int64_t kVocabulary = 2 * 256 + 2;
  TextEncoderConfig config;
  config.heads = 3;
  config.eos_token_id = kVocabulary - 1;
  WeightReader weights("the tiny model's text encoder", random.TextEncoder(kVocabulary, kTextWidth),
                       compute.precision, compute.device);
  PATCHBAY_ASSIGN_OR_RETURN(std::shared_ptr<const ClipTextEncoder> network,
                            ClipTextEncoder::Create(config, weights, "text_encoder"));
  PATCHBAY_ASSIGN_OR_RETURN(Tokenizer tokenizer, ByteTokenizer());
  TextModel text;
  text.encoders.push_back({std::move(network), std::move(tokenizer), nullptr});
  return text;
}

ModelDescription Describe() {
  ModelDescription description;
  description.path = "the validator's tiny model";
  description.native_size = kTinyModelPixels;
  description.unet_width = 32;
  description.text_layers = {1};
  return description;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const LoadedModel>> MakeTinyModel(at::ScalarType precision) {
  const ComputeOptions compute = {
      .preview_decoder_file = "", .device = at::kCPU, .precision = precision};
  RandomWeights random(/*seed=*/7);
  PATCHBAY_ASSIGN_OR_RETURN(TextModel text, MakeText(random, compute));

  UNetConfig unet_config;
  unet_config.heads = {8, 8, 8, 8};
  unet_config.norm_groups = kNormGroups;
  WeightReader unet_weights("the tiny model's U-Net", random.UNet({32, 64, 64, 64}, kTextWidth),
                            precision, compute.device);
  PATCHBAY_ASSIGN_OR_RETURN(auto unet, UNet::Load(unet_weights, unet_config));

  AutoencoderConfig autoencoder_config;
  autoencoder_config.norm_groups = kNormGroups;
  WeightReader autoencoder_weights("the tiny model's autoencoder", random.Autoencoder({8, 8, 8, 8}),
                                   precision, compute.device);
  PATCHBAY_ASSIGN_OR_RETURN(auto autoencoder,
                            Autoencoder::Load(autoencoder_weights, autoencoder_config));
  return std::make_unique<const LoadedModel>(LoadedModel{
      Describe(), compute, NoiseSchedule(NoiseScheduleConfig()), std::move(text), std::move(unet),
      std::move(autoencoder), std::make_unique<const Previews>(nullptr)});
}

}  // namespace patchbay
