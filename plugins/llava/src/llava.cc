#include "plugins/llava/src/llava.h"

#include <patchbay/aten.h>

#include <utility>

namespace llava {
namespace {

using clip_vision::Weights;

// What a layout calls a part; the first that the weights have a tensor of.
std::string NameIn(const Weights& weights, const std::vector<std::string>& prefixes,
                   const std::string& tensor, const char* part) {
  for (const std::string& prefix : prefixes) {
    if (weights.Has(prefix + tensor)) return prefix;
  }
  throw patchbay::Error(weights.name() + " has no tensor \"" + prefixes.front() + tensor +
                        "\", and so no " + part);
}

const std::vector<std::string>& LanguagePrefixes(Layout layout) {
  static const std::vector<std::string> transformers = {"language_model.model.",
                                                        "model.language_model."};
  static const std::vector<std::string> original = {"model."};
  return layout == Layout::kTransformers ? transformers : original;
}

clip_vision::VisionEncoder Tower(const Weights& weights, const LlavaConfig& config) {
  static const std::vector<std::string> transformers = {
      "vision_tower.vision_model.", "vision_tower.", "model.vision_tower.vision_model.",
      "model.vision_tower."};
  // The last is that of openai/clip-vit-large-patch14-336 beside the language model.
  static const std::vector<std::string> original = {"model.vision_tower.vision_tower.vision_model.",
                                                    "vision_model."};
  const bool is_original = config.layout == Layout::kOriginal;
  const std::string prefix =
      NameIn(weights, is_original ? original : transformers, "embeddings.class_embedding",
             is_original ? "vision encoder; put the model.safetensors of "
                           "openai/clip-vit-large-patch14-336 into the folder, under another name"
                         : "vision encoder");
  Weights tower = weights.Under(prefix);
  clip_vision::VisionConfig sizes = clip_vision::ReadVisionConfig(tower);
  if (!is_original) clip_vision::ApplyConfigJson(config.json, weights.name(), sizes);
  return {std::move(tower), std::move(sizes)};
}

LlamaDecoder Decoder(const Weights& weights, const LlavaConfig& config) {
  const std::string prefix = NameIn(weights, LanguagePrefixes(config.layout), "embed_tokens.weight",
                                    "language model of a LLaVA");
  return {weights.Under(prefix), config.language};
}

}  // namespace

Llava::Llava(const Weights& weights, const LlavaConfig& config, Tokenizer tokenizer)
    : config_(config),
      weights_(weights),
      vision_(Tower(weights, config)),
      decoder_(Decoder(weights, config)),
      tokenizer_(std::move(tokenizer)) {}

std::vector<int64_t> Llava::Encode(const std::string& text) const {
  for (const std::string& special : tokenizer_.special()) {
    if (text.find(special) == std::string::npos) continue;
    throw patchbay::Error("the text has \"" + special +
                          "\", which means something of its own to the language model; leave it "
                          "out");
  }
  return tokenizer_.Encode(text);
}

std::vector<int64_t> Llava::TokensBefore(const PictureText& text) const {
  std::vector<int64_t> tokens = Encode(text.before);
  tokens.insert(tokens.begin(), config_.language.begin);
  return tokens;
}

std::vector<int64_t> Llava::TokensAfter(const PictureText& text) const {
  return Encode(text.after);
}

at::Tensor Llava::PictureTokens(const at::Tensor& picture) const {
  const bool is_original = config_.layout == Layout::kOriginal;
  const std::string prefix =
      NameIn(weights_,
             is_original ? std::vector<std::string>{"model.mm_projector."}
                         : std::vector<std::string>{"multi_modal_projector.linear_",
                                                    "model.multi_modal_projector.linear_"},
             is_original ? "0.weight" : "1.weight", "projector");
  const std::string first = prefix + (is_original ? "0" : "1");
  const std::string second = prefix + "2";
  // Without the class token.
  const at::Tensor seen = vision_.PenultimateStates(picture)[0].slice(0, 1);
  const int64_t width = config_.language.width;
  const at::Tensor inner =
      at::gelu(at::linear(seen, weights_.Read(first + ".weight", {width, seen.size(1)}),
                          weights_.Read(first + ".bias", {width})));
  return at::linear(inner, weights_.Read(second + ".weight", {width, width}),
                    weights_.Read(second + ".bias", {width}));
}

at::Tensor Llava::LastState(const at::Tensor& picture, const PictureText& text,
                            const std::function<void(double)>& progress) const {
  // Of the work, by the number of weights of the published models.
  constexpr double kVisionShare = 0.05;
  progress(0);
  // First what is quick, so that a text that cannot be read is refused at once.
  const at::Tensor before = decoder_.Embeddings(TokensBefore(text));
  const at::Tensor after = decoder_.Embeddings(TokensAfter(text));
  const int64_t patches = vision_.config().grid * vision_.config().grid;
  decoder_.CheckLength(before.size(0) + patches + after.size(0));
  const at::Tensor read = at::cat({before, PictureTokens(picture), after});
  return decoder_
      .States(read,
              [&](double fraction) { progress(kVisionShare + (1 - kVisionShare) * fraction); })
      .select(0, -1);
}

}  // namespace llava
