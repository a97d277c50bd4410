#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_WILDCARDS_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_WILDCARDS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace patchbay {

inline constexpr size_t kMaxWildcardFileBytes = 4u << 20;
inline constexpr int kMaxWildcardDepth = 16;
inline constexpr int kMaxWildcardChoices = 10'000;

// Replaces every __name__ by a line of the file name.txt in a folder; __animals/cats__ is
// animals/cats.txt. Names consist of letters, digits, ".", "-", "/" and single underscores; other
// text between double underscores stays. Lines are trimmed; blank ones and those that start with
// "#" do not count. The chosen line's own wildcards are replaced too.
//
// The choice depends on nothing but the seed, the text and the lines: the k-th wildcard, counted
// from 0 in the order in which a reader who replaces from left to right meets them, those of a
// chosen line before what follows it, takes of its n lines number floor(x * n / 2^64), x being the
// k-th output of SplitMix64 (Steele, Lea, Flood 2014) for the seed.
//
// NOT_FOUND when there is no such file (says which there are); INVALID_ARGUMENT when a name leads
// out of the folder, a file has no lines, wildcards nest deeper than kMaxWildcardDepth, or sizes
// pass the limits here or kMaxPromptBytes. Reads files; any thread may call.
absl::StatusOr<std::string> ExpandWildcards(std::string_view text, const std::string& folder,
                                            uint64_t seed);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_WILDCARDS_H_
