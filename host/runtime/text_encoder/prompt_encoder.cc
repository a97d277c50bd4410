#include "host/runtime/text_encoder/prompt_encoder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "host/base/status_macros.h"
#include "host/runtime/prompt/prompt.h"

namespace patchbay {
namespace {

// Stable Diffusion 2's OpenCLIP-H, which diffusers stores without its last layer.
int64_t DroppedLayers(const ClipTextEncoder& network, HiddenStateRule rule) {
  return rule == HiddenStateRule::kNormalizedLast && network.width() == 1024 &&
                 network.layers() == 23
             ? 1
             : 0;
}

// A1111 cuts the text for OpenCLIP's encoders with open_clip's own tokenizer.
TextCleaning CleaningFor(CompatProfile profile, const ClipTextEncoder& network) {
  const bool open_clip = network.config().activation == TextActivation::kGelu;
  return profile == CompatProfile::kA1111 && open_clip ? TextCleaning::kOpenClip
                                                       : TextCleaning::kTransformers;
}

at::Tensor Weights(const std::vector<std::vector<TokenChunk>>& rows, size_t chunk) {
  const auto length = static_cast<int64_t>(rows[0][chunk].weights.size());
  at::Tensor weights = at::empty({static_cast<int64_t>(rows.size()), length}, at::kFloat);
  float* out = weights.data_ptr<float>();
  for (const auto& row : rows) {
    out = std::copy(row[chunk].weights.begin(), row[chunk].weights.end(), out);
  }
  return weights;
}

}  // namespace

absl::StatusOr<PromptEncoder> PromptEncoder::Create(const TextModel& model,
                                                    const ConditioningRequest& request) {
  PromptEncoder result(model, request);
  const size_t count = model.encoders.size();
  for (size_t i = 0; i < count; ++i) {
    const ClipTextEncoder& network = *model.encoders[i].network;
    Slot slot;
    slot.encoder = &model.encoders[i];
    std::vector<std::string> warnings;
    PATCHBAY_ASSIGN_OR_RETURN(
        slot.choice,
        ChooseHiddenState(model.rule, request.profile, request.clip_skip, network.layers(),
                          DroppedLayers(network, model.rule), warnings));
    slot.negative_choice = slot.choice;
    if (request.profile == CompatProfile::kDiffusers) {
      // diffusers' pipelines skip layers for the prompt alone.
      PATCHBAY_ASSIGN_OR_RETURN(
          slot.negative_choice,
          ChooseHiddenState(model.rule, request.profile, std::nullopt, network.layers(),
                            DroppedLayers(network, model.rule), warnings));
    }
    PATCHBAY_ASSIGN_OR_RETURN(slot.vectors,
                              VectorsFor(request.embeddings, i, count, network.width()));
    slot.names = NamesOf(request.embeddings, slot.vectors);
    result.AddWarnings(warnings);
    result.slots_.push_back(std::move(slot));
  }
  return result;
}

void PromptEncoder::AddWarnings(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    if (std::find(warnings_.begin(), warnings_.end(), warning) == warnings_.end()) {
      warnings_.push_back(warning);
    }
  }
}

absl::StatusOr<Prompt> PromptEncoder::CompileFor(const Slot& slot, std::string_view text,
                                                 bool negative) const {
  PromptOptions options;
  options.profile = request_->profile;
  options.split_at_and = !negative;
  options.calls = request_->calls;
  options.calls_before = request_->calls_before;
  options.cleaning = CleaningFor(request_->profile, *slot.encoder->network);
  return CompilePrompt(text, options, slot.encoder->tokenizer, slot.names);
}

std::vector<int32_t> PromptEncoder::PhraseTokens(std::string_view phrase) const {
  const ConditioningEncoder& first = *slots_.front().encoder;
  return first.tokenizer.Encode(phrase, CleaningFor(request_->profile, *first.network));
}

absl::StatusOr<EncodedPrompt> PromptEncoder::Encode(std::string_view text, bool negative) {
  std::vector<Prompt> prompts;
  for (const Slot& slot : slots_) {
    PATCHBAY_ASSIGN_OR_RETURN(Prompt prompt, CompileFor(slot, text, negative));
    AddWarnings(prompt.warnings);
    prompts.push_back(std::move(prompt));
  }
  // Sub-prompts and stages follow from the text alone and are the same for all encoders.
  EncodedPrompt encoded;
  for (size_t i = 0; i < prompts[0].sub_prompts.size(); ++i) {
    std::vector<const SubPrompt*> by_slot;
    for (const Prompt& prompt : prompts) by_slot.push_back(&prompt.sub_prompts[i]);
    PATCHBAY_ASSIGN_OR_RETURN(EncodedSubPrompt sub_prompt, EncodeSubPrompt(by_slot, negative));
    encoded.sub_prompts.push_back(std::move(sub_prompt));
  }
  return encoded;
}

absl::StatusOr<EncodedSubPrompt> PromptEncoder::EncodeSubPrompt(
    const std::vector<const SubPrompt*>& by_slot, bool negative) {
  EncodedSubPrompt encoded;
  encoded.weight = by_slot[0]->weight;
  std::vector<Rows> rows(slots_.size());
  std::vector<std::string> texts;
  size_t chunks = 1;
  for (size_t stage = 0; stage < by_slot[0]->stages.size(); ++stage) {
    const PromptStage& first = by_slot[0]->stages[stage];
    const auto known = std::find(texts.begin(), texts.end(), first.text);
    const auto row = static_cast<size_t>(known - texts.begin());
    encoded.stages.push_back({first.first_call, first.end_call, static_cast<int64_t>(row)});
    if (known == texts.end()) texts.push_back(first.text);
    for (size_t i = 0; i < slots_.size(); ++i) {
      rows[i].multiplicity.resize(texts.size());
      ++rows[i].multiplicity[row];
      if (rows[i].chunks.size() > row) continue;
      rows[i].chunks.push_back(by_slot[i]->stages[stage].chunks);
      chunks = std::max(chunks, rows[i].chunks.back().size());
    }
  }
  std::vector<at::Tensor> hidden;
  for (size_t i = 0; i < slots_.size(); ++i) {
    for (auto& row : rows[i].chunks) row.resize(chunks, EmptyChunk(slots_[i].encoder->tokenizer));
    PATCHBAY_ASSIGN_OR_RETURN(
        const EncodedChunks slot,
        EncodeRows(slots_[i], negative ? slots_[i].negative_choice : slots_[i].choice, rows[i]));
    hidden.push_back(slot.hidden);
    // SDXL's pooled vector comes from the last encoder.
    if (model_->rule == HiddenStateRule::kPenultimate) encoded.pooled = slot.pooled;
  }
  encoded.hidden = at::cat(hidden, 2);
  return encoded;
}

absl::StatusOr<EncodedChunks> PromptEncoder::EncodeRows(const Slot& slot,
                                                        const HiddenStateChoice& choice,
                                                        const Rows& rows) {
  const size_t chunk_count = rows.chunks[0].size();
  const auto row_count = static_cast<int64_t>(rows.chunks.size());
  std::vector<TokenChunk> flat;
  for (const auto& row : rows.chunks) flat.insert(flat.end(), row.begin(), row.end());
  const EmphasisRule rule = request_->emphasis.value_or(DefaultEmphasis(request_->profile));
  const size_t used = flat.size();
  if (rule == EmphasisRule::kLerpEmpty) flat.push_back(EmptyChunk(slot.encoder->tokenizer));
  PATCHBAY_ASSIGN_OR_RETURN(const EncodedChunks encoded,
                            EncodeChunks(*slot.encoder, flat, choice, slot.vectors));

  const at::Tensor empty = encoded.hidden[-1];  // meaningful for kLerpEmpty
  const int64_t length = encoded.hidden.size(1);
  const at::Tensor by_row =
      encoded.hidden.narrow(0, 0, static_cast<int64_t>(used))
          .view({row_count, static_cast<int64_t>(chunk_count), length, encoded.hidden.size(2)});
  const at::Tensor multiplicity = at::tensor(rows.multiplicity, at::kLong);
  std::vector<at::Tensor> parts;
  for (size_t chunk = 0; chunk < chunk_count; ++chunk) {
    parts.push_back(ApplyEmphasis(by_row.select(1, static_cast<int64_t>(chunk)),
                                  Weights(rows.chunks, chunk), multiplicity, empty, rule));
  }
  const at::Tensor first_chunks = at::arange(
      0, row_count * static_cast<int64_t>(chunk_count), static_cast<int64_t>(chunk_count),
      at::TensorOptions().dtype(at::kLong).device(encoded.pooled.device()));
  return EncodedChunks{at::cat(parts, 1), encoded.pooled.index_select(0, first_chunks)};
}

absl::StatusOr<at::Tensor> PromptEncoder::EncodeEmptyChunk() {
  std::vector<at::Tensor> hidden;
  for (const Slot& slot : slots_) {
    PATCHBAY_ASSIGN_OR_RETURN(
        const EncodedChunks encoded,
        EncodeChunks(*slot.encoder, {EmptyChunk(slot.encoder->tokenizer)}, slot.choice, {}));
    hidden.push_back(encoded.hidden);
  }
  return at::cat(hidden, 2);
}

}  // namespace patchbay
