#ifndef PATCHBAY_HOST_BASE_EXCERPT_H_
#define PATCHBAY_HOST_BASE_EXCERPT_H_

#include <string>
#include <string_view>

namespace patchbay {

// A user's text as messages quote it: its first 160 bytes or so and how many there are in all, or
// the whole of it where it is no longer. UTF-8 stays whole.
std::string Excerpt(std::string_view text);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_BASE_EXCERPT_H_
