#ifndef PATCHBAY_HOST_BASE_SPELLING_H_
#define PATCHBAY_HOST_BASE_SPELLING_H_

#include <string>
#include <string_view>
#include <vector>

namespace patchbay {

// The candidate that takes the fewest single-character changes (Levenshtein's distance) to get to,
// for "did you mean". Empty when all are far off: more than a third of the longer word differs.
std::string NearestSpelling(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_BASE_SPELLING_H_
