#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_PROMPT_SCHEDULE_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_PROMPT_SCHEDULE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace patchbay {

// A prompt's text up to and including one step.
struct ScheduledText {
  int64_t end_step = 0;
  std::string text;
  bool operator==(const ScheduledText&) const = default;
};

// A text with editing may have so many versions, which together may have so many bytes.
inline constexpr int64_t kMaxPromptVersions = 1 << 14;
inline constexpr size_t kMaxEditedBytes = size_t{64} << 20;

// Reads A1111's prompt editing: [from:to:when], [to:when], [from::when], which change at step
// `when`, and [a|b|...], which alternates with every step. `when` with a decimal point is a part of
// the steps, without one a step. In a second pass (`steps_before` given) fractions count from 1.0
// to 2.0 and steps from the end of the first pass.
//
// Constructs nest in one another and in attention brackets, which stay in the text. What does not
// fit the grammar is text; and a "|" outside of an alternation or a backslash before nothing turns
// editing off for the whole prompt. Where A1111's ambiguous grammar leaves the choice to chance
// (beside brackets that do not match), constructs are preferred over text.
//
// The text must be well-formed UTF-8. Returns versions with ascending end_step, the last one's
// `steps` (at least 1). INVALID_ARGUMENT when that takes more than the limits above.
// Source: AUTOMATIC1111, modules/prompt_parser.py, get_learned_conditioning_prompt_schedules().
absl::StatusOr<std::vector<ScheduledText>> SchedulePrompt(
    std::string_view text, int64_t steps, std::optional<int64_t> steps_before = std::nullopt);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_PROMPT_SCHEDULE_H_
