#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_PROMPT_EDITING_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_PROMPT_EDITING_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay {

// One [from:to:when] or [a|b|...] of a text.
struct EditingConstruct {
  // Positions of its brackets.
  size_t open = 0;
  size_t close = 0;
  // Positions of the ":" or "|" between its parts.
  std::vector<size_t> separators;
  bool alternates = false;
  // As written, such as "0.5"; empty when it alternates.
  std::string_view when;
};

// The constructs of a text in order of their opening brackets, by the grammar of A1111's
// schedule_parser (see prompt_schedule.h). Empty when the text is not in the grammar. Takes linear
// time. `when` points into `text`.
std::vector<EditingConstruct> FindEditing(std::string_view text);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_PROMPT_EDITING_H_
