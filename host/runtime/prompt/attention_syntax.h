#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_ATTENTION_SYNTAX_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_ATTENTION_SYNTAX_H_

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/prompt/weighted_text.h"

namespace patchbay {

// Reads A1111's attention brackets: (x) times 1.1, [x] divided by 1.1, (x:w) times w, nested ones
// multiplied. A backslash makes the bracket or backslash after it plain and is otherwise dropped.
// Brackets that are never closed reach to the end; closing brackets that were never opened are
// text, as is a weight that is no number (an error in A1111). BREAK outside of brackets becomes a
// piece of its own, IsBreak(); within brackets that change its weight it is a word, as there.
//
// The text must be well-formed UTF-8. Pieces of equal weight are joined. Always at least one piece.
// INVALID_ARGUMENT when brackets nest so deeply (thousands of levels) that reading them would take
// long.
// Source: AUTOMATIC1111, modules/prompt_parser.py, parse_prompt_attention().
absl::StatusOr<std::vector<WeightedText>> ParseAttention(std::string_view text);

// Whether this piece stands for the end of a chunk.
bool IsBreak(const WeightedText& piece);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_ATTENTION_SYNTAX_H_
