#include "host/runtime/pipeline/text_services.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "host/base/status_macros.h"
#include "host/runtime/prompt/prompt.h"
#include "host/runtime/text_encoder/prompt_encoder.h"

namespace patchbay {
namespace {

// What holds during a call; calls beyond the plan see the last.
template <typename Stage>
const Stage& StageAt(const std::vector<Stage>& stages, int64_t call) {
  for (const Stage& stage : stages) {
    if (call < stage.end_call) return stage;
  }
  return stages.back();
}

// Sets `row`, which has a number for each of the chunk's positions, to 1 where the phrase is.
void Mark(const TokenChunk& chunk, absl::Span<const int32_t> phrase, float* row) {
  auto found = chunk.ids.begin();
  while (true) {
    found = std::search(found, chunk.ids.end(), phrase.begin(), phrase.end());
    if (found == chunk.ids.end()) return;
    std::fill_n(row + (found - chunk.ids.begin()), phrase.size(), 1.f);
    ++found;
  }
}

// [length] of a text's chunks, repeated as its hidden states are.
at::Tensor Marked(const std::vector<TokenChunk>& chunks, absl::Span<const int32_t> phrase,
                  int64_t length) {
  const auto width = static_cast<int64_t>(chunks.front().ids.size());
  const auto count = static_cast<int64_t>(chunks.size());
  at::Tensor marks = at::zeros({count, width}, at::kFloat);
  for (int64_t i = 0; i < count; ++i) {
    Mark(chunks[static_cast<size_t>(i)], phrase, marks.data_ptr<float>() + i * width);
  }
  marks = marks.flatten();
  const int64_t own = marks.size(0);
  if (length % own == 0) return marks.repeat({length / own});
  at::Tensor padded = at::zeros({length}, at::kFloat);
  const int64_t common = std::min(own, length);
  padded.narrow(0, 0, common).copy_(marks.narrow(0, 0, common));
  return padded;
}

}  // namespace

absl::StatusOr<at::Tensor> TextServices::Encode(std::string_view text, patchbay_row_role role,
                                                int64_t call) const {
  PATCHBAY_ASSIGN_OR_RETURN(PromptEncoder encoder, PromptEncoder::Create(model_, request_));
  PATCHBAY_ASSIGN_OR_RETURN(const EncodedPrompt prompt,
                            encoder.Encode(text, role == PATCHBAY_ROW_UNCONDITIONAL));
  if (prompt.sub_prompts.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", std::string(text), "\" has several operands (AND), and one is needed here"));
  }
  const EncodedSubPrompt& whole = prompt.sub_prompts.front();
  return whole.hidden.narrow(0, StageAt(whole.stages, call).row, 1);
}

absl::StatusOr<at::Tensor> TextServices::PhrasePositions(std::string_view phrase, int64_t call,
                                                         int64_t length) const {
  PATCHBAY_ASSIGN_OR_RETURN(PromptEncoder encoder, PromptEncoder::Create(model_, request_));
  const std::vector<int32_t> ids = encoder.PhraseTokens(phrase);
  if (ids.empty()) return absl::InvalidArgumentError("the phrase has no words");
  std::vector<Prompt> prompts;
  size_t operands = 1;
  for (const std::string& text : request_.prompts) {
    PATCHBAY_ASSIGN_OR_RETURN(Prompt prompt, encoder.Compile(text, /*negative=*/false));
    operands = std::max(operands, prompt.sub_prompts.size());
    prompts.push_back(std::move(prompt));
  }
  std::vector<at::Tensor> rows;
  for (size_t operand = 0; operand < operands; ++operand) {
    for (const Prompt& prompt : prompts) {
      // A picture with fewer operands has its first one here, at no weight.
      const SubPrompt& part = prompt.sub_prompts[operand < prompt.sub_prompts.size() ? operand : 0];
      rows.push_back(Marked(StageAt(part.stages, call).chunks, ids, length));
    }
  }
  return at::stack(rows);
}

const std::string* TextServices::PromptOf(uint32_t picture, patchbay_row_role role) const {
  if (role == PATCHBAY_ROW_CONDITIONAL) {
    return picture < request_.prompts.size() ? &request_.prompts[picture] : nullptr;
  }
  const bool has_text = role == PATCHBAY_ROW_UNCONDITIONAL &&
                        picture < request_.negative_prompts.size() &&
                        request_.negative_prompts[picture].has_value();
  return has_text ? &*request_.negative_prompts[picture] : nullptr;
}

}  // namespace patchbay
