#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_A1111_PROMPT_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_A1111_PROMPT_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/prompt/prompt.h"

namespace patchbay {

// A prompt as A1111 reads it: sub-prompts at AND, each with its weight and its editing
// (prompt_schedule.h), whose versions have attention (attention_syntax.h) and are cut into chunks
// (a1111_chunks.h). All stages of a sub-prompt get the same number of chunks, the shorter ones
// empty ones at the end.
//
// Version k of a sub-prompt, which A1111 calls valid to its end step, holds for one call more than
// the steps suggest, because the counter that it is compared with starts at 0: [a:b:2] shows a in
// calls 0, 1 and 2. The last stage of an alternation may so be left without a call.
//
// `text` must be well-formed UTF-8. INVALID_ARGUMENT when it is too long or edited too often.
// Source: AUTOMATIC1111, modules/prompt_parser.py and modules/sd_hijack_clip.py.
absl::StatusOr<Prompt> CompileA1111Prompt(std::string_view text, const PromptOptions& options,
                                          const Tokenizer& tokenizer,
                                          absl::Span<const EmbeddingName> embeddings);

// An operand of AND.
struct WeightedOperand {
  std::string text;
  double weight = 1;
  bool operator==(const WeightedOperand&) const = default;
};

// Splits at the word AND and takes each operand's weight, ":1.5" at its end, off; also when there
// is no AND.
std::vector<WeightedOperand> SplitAtAnd(std::string_view text);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_A1111_PROMPT_H_
