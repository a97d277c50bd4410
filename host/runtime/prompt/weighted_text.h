#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_WEIGHTED_TEXT_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_WEIGHTED_TEXT_H_

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace patchbay {

// A piece of a prompt and how strongly it counts.
struct WeightedText {
  std::string text;
  // In double precision, as Python computes it: which pieces are joined depends on equality.
  double weight = 1;
  bool operator==(const WeightedText&) const = default;
};

// The weight for a token: always finite.
inline float TokenWeight(double weight) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  return std::isnan(weight) ? 0.0f : static_cast<float>(std::clamp(weight, -kLargest, kLargest));
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_WEIGHTED_TEXT_H_
