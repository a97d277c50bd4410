#include "host/validator/tiny_model.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/validator/random_weights.h"

namespace patchbay {
namespace {

constexpr int64_t kNormGroups = 8;
constexpr int64_t kVocabulary = 2 * 256 + 2;
// SDXL: each number of the size conditioning, of which there are six.
constexpr int64_t kSizeFeatures = 8;

// What the families differ in.
struct Structure {
  RandomWeights::UNetShape unet;
  std::vector<int64_t> text_widths;
  int64_t pooled_width = 0;
  PredictionType prediction = PredictionType::kEpsilon;
};

Structure StructureOf(ModelFamily family) {
  Structure structure;
  structure.text_widths = {48};
  structure.unet.widths = {32, 64, 64, 64};
  structure.unet.depths = {1, 1, 1, 0};
  if (family == ModelFamily::kStableDiffusion2) {
    structure.unet.linear_projection = true;
    structure.prediction = PredictionType::kVPrediction;
  } else if (family == ModelFamily::kStableDiffusionXl) {
    structure.text_widths = {48, 24};
    structure.pooled_width = 16;
    structure.unet.widths = {32, 64, 64};
    structure.unet.depths = {0, 1, 2};
    structure.unet.middle_depth = 2;
    structure.unet.linear_projection = true;
    structure.unet.added_features = structure.pooled_width + 6 * kSizeFeatures;
  }
  for (const int64_t width : structure.text_widths) structure.unet.text_features += width;
  return structure;
}

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

absl::StatusOr<TextModel> MakeText(RandomWeights& random, const Structure& structure,
                                   const ComputeOptions& compute) {
  TextModel text;
  for (size_t i = 0; i < structure.text_widths.size(); ++i) {
    const bool is_last = i + 1 == structure.text_widths.size();
    const std::string component = i == 0 ? "text_encoder" : "text_encoder_2";
    TextEncoderConfig config;
    config.heads = 3;
    config.eos_token_id = kVocabulary - 1;
    WeightReader weights(absl::StrCat("the tiny model's ", component),
                         random.TextEncoder(kVocabulary, structure.text_widths[i],
                                            is_last ? structure.pooled_width : 0),
                         compute.precision, compute.device);
    PATCHBAY_ASSIGN_OR_RETURN(std::shared_ptr<const ClipTextEncoder> network,
                              ClipTextEncoder::Create(config, weights, component));
    PATCHBAY_ASSIGN_OR_RETURN(Tokenizer tokenizer, ByteTokenizer());
    text.encoders.push_back({std::move(network), std::move(tokenizer), nullptr});
  }
  if (text.encoders.size() > 1) text.rule = HiddenStateRule::kPenultimate;
  return text;
}

ModelDescription Describe(ModelFamily family, const Structure& structure) {
  ModelDescription description;
  description.path = absl::StrCat("the validator's tiny ", std::string(ModelFamilyName(family)));
  description.family = family;
  description.native_size = kTinyModelPixels;
  description.unet_width = structure.unet.widths.front();
  description.text_layers.assign(structure.text_widths.size(), 1);
  if (structure.prediction == PredictionType::kVPrediction) {
    description.prediction_type = "v_prediction";
  }
  return description;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const LoadedModel>> MakeTinyModel(ModelFamily family,
                                                                 at::ScalarType precision) {
  const ComputeOptions compute = {
      .preview_decoder_file = "", .device = at::kCPU, .precision = precision};
  const Structure structure = StructureOf(family);
  RandomWeights random(/*seed=*/7);
  PATCHBAY_ASSIGN_OR_RETURN(TextModel text, MakeText(random, structure, compute));

  UNetConfig unet_config;
  unet_config.heads.assign(structure.unet.widths.size(), 8);
  unet_config.norm_groups = kNormGroups;
  unet_config.addition_time_embed_dim = kSizeFeatures;
  const WeightMap stored = random.UNet(structure.unet);
  WeightReader unet_weights("the tiny model's U-Net", stored, precision, compute.device);
  PATCHBAY_ASSIGN_OR_RETURN(auto unet, UNet::Load(unet_weights, unet_config));

  AutoencoderConfig autoencoder_config;
  autoencoder_config.norm_groups = kNormGroups;
  WeightReader autoencoder_weights("the tiny model's autoencoder", random.Autoencoder({8, 8, 8, 8}),
                                   precision, compute.device);
  PATCHBAY_ASSIGN_OR_RETURN(auto autoencoder,
                            Autoencoder::Load(autoencoder_weights, autoencoder_config));
  NoiseScheduleConfig schedule;
  schedule.prediction_type = structure.prediction;
  auto releasable = std::make_unique<ReleasableWeights>(stored, LoraSet(), precision,
                                                        compute.device, unet->sites());
  return std::make_unique<const LoadedModel>(LoadedModel{
      Describe(family, structure), compute, NoiseSchedule(schedule), std::move(text),
      std::move(unet), std::move(autoencoder), std::make_unique<const Previews>(nullptr),
      /*integer_plan=*/"", std::move(releasable)});
}

}  // namespace patchbay
