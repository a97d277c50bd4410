#include "plugins/moma/src/prepared.h"

#include <functional>
#include <string_view>

#include "plugins/clip_vision/src/file_stamp.h"
#include "plugins/clip_vision/src/preprocessing.h"
#include "plugins/image_prompt/src/file_order.h"
#include "plugins/moma/src/embedding.h"
#include "plugins/moma/src/reference_picture.h"

namespace moma {
namespace {

constexpr char kEncoderConfig[] = "moma.image_encoder.config";

// [S, S, 3] in 8 bits to [1, 3, S, S] in -1..1.
at::Tensor Scaled(const at::Tensor& square) {
  return (square.to(at::kFloat) / 127.5 - 1).permute({2, 0, 1}).unsqueeze(0).contiguous();
}

at::Tensor EmbeddingFromPicture(const Adapter& adapter, const std::string& config,
                                const Subject& subject) {
  const clip_vision::VisionEncoder encoder = EncoderOf(adapter, config);
  const at::Tensor square =
      FitSquare(OverWhite(subject), encoder.config().picture_size(), Margin::kWhite);
  return encoder.ImageEmbeds(clip_vision::Normalised(square.unsqueeze(0)))[0];
}

// [2, n, W]: what unconditional rows get, and what the others get; undefined for none.
at::Tensor ContentTokens(const Adapter& adapter, const patchbay::TensorFile& adapter_file,
                         const patchbay::TensorFile* tokens, const Subject& subject) {
  at::Tensor given;
  if (tokens != nullptr) {
    given = TokensFromFile(clip_vision::Weights(*tokens), adapter);
  } else if (adapter.has_image_encoder()) {
    given = adapter.TokensOf(
        EmbeddingFromPicture(adapter, adapter_file.metadata(kEncoderConfig), subject));
  } else {
    return {};
  }
  return at::stack({adapter.TokensOf(at::zeros({adapter.embedding_width()})), given});
}

std::string HashOf(const at::Tensor& picture) {
  if (!picture.defined()) return "none";
  const at::Tensor plain = picture.contiguous();
  const std::string_view bytes(static_cast<const char*>(plain.const_data_ptr()), plain.nbytes());
  return std::to_string(plain.size(2)) + "x" + std::to_string(plain.size(3)) + ":" +
         std::to_string(std::hash<std::string_view>()(bytes));
}

}  // namespace

Blocks::Blocks(const patchbay::Denoiser& denoiser)
    : self(denoiser.self_attentions()), cross(denoiser.cross_attentions()) {
  if (self.empty() || self.size() != cross.size()) {
    throw patchbay::Error(
        "MoMA needs a model whose transformers have a self-attention and a "
        "cross-attention each; this one has " +
            std::to_string(self.size()) + " and " + std::to_string(cross.size()),
        PATCHBAY_FAILED_PRECONDITION);
  }
  std::vector<patchbay_part> parts;
  for (const patchbay::Attention& site : self) parts.push_back(site.info().part);
  order = image_prompt::FileOrder(parts);
}

std::vector<TransformerBlock> Blocks::InFileOrder() const {
  std::vector<TransformerBlock> list;
  for (const size_t i : order) {
    list.push_back(
        {self[i].diffusers_name(), cross[i].diffusers_name(), self[i].info().out_channels});
  }
  return list;
}

Prepared Prepare(const Settings& settings, const patchbay::TensorFile& adapter_file,
                 const patchbay::TensorFile* tokens, int64_t text_features, const Blocks& blocks,
                 int64_t reference_size) {
  const Adapter adapter{clip_vision::Weights(adapter_file)};
  const std::vector<TransformerBlock> in_file = blocks.InFileOrder();
  adapter.CheckFits(text_features, in_file);
  const Subject whole =
      ReadSubject(settings.image.rgba, settings.mask.rgba, /*loose=*/settings.compat);
  const Subject subject = CutOut(whole);

  Prepared made;
  const at::Tensor content = ContentTokens(adapter, adapter_file, tokens, subject);
  made.self.resize(in_file.size());
  if (content.defined()) made.content.resize(in_file.size());
  for (size_t place = 0; place < in_file.size(); ++place) {
    const size_t i = blocks.order[place];
    made.self[i] = adapter.ReadSelfWeights(place, in_file[place].channels);
    if (!content.defined()) continue;
    const auto [keys, values] = adapter.KeysAndValues(place, in_file[place].channels, content);
    made.content[i] = {keys, values};
  }
  const bool is_white = settings.background == Background::kWhite;
  const Subject& shown = settings.compat ? whole : subject;
  const at::Tensor pixels = is_white ? OverWhite(shown) : shown.pixels;
  const Margin margin = is_white ? Margin::kWhite : Margin::kEdge;
  if (settings.compat) {
    made.reference = Scaled(Squashed(pixels, reference_size));
    made.reference_mask = SquashedMask(shown.mask, reference_size);
  } else {
    made.reference = Scaled(FitSquare(pixels, reference_size, margin));
    made.reference_mask = FitSquareMask(shown.mask, reference_size);
  }
  made.is_everywhere = whole.is_everywhere;
  made.was_found = whole.was_found;
  if (tokens != nullptr) {
    made.tokens_subject = tokens->metadata("subject");
    made.tokens_prompt = tokens->metadata("prompt");
  }
  made.image = settings.image.rgba;
  made.mask = settings.mask.rgba;
  return made;
}

std::string KeyOf(const Settings& settings) {
  std::string key = clip_vision::FileStamp(settings.adapter.path);
  if (!settings.tokens.path.empty()) key += clip_vision::FileStamp(settings.tokens.path);
  return key + "|" + HashOf(settings.image.rgba) + "|" + HashOf(settings.mask.rgba) + "|" +
         (settings.background == Background::kWhite ? "white" : "keep") +
         (settings.compat ? "|compat" : "");
}

}  // namespace moma
