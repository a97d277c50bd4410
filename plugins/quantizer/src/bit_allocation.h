#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_BIT_ALLOCATION_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_BIT_ALLOCATION_H_

#include <cstddef>
#include <vector>

// Which layer gets how many bits (MixDQ's integer program, arXiv:2405.17873, section 3.4).

namespace quantizer {

struct BitOption {
  double bits = 0;
  // How good the picture is when only this layer has so many bits: the sensitivity.
  double value = 0;
};

struct AllocatedLayer {
  double size = 0;  // positive; in any unit
  std::vector<BitOption> options;
};

struct BitAllocation {
  std::vector<size_t> chosen;  // an index into each layer's options
  double value = 0;            // the sum of the chosen options' values
  double bits = 0;             // the sum of bits x size
  // No allocation within the budget has a larger value: the Lagrangian's bound.
  double bound = 0;
};

// The allocation of (nearly) the largest value whose bits x size sum to at most `budget`:
// Lagrangian relaxation, then single upgrades and exchanges of two layers' choices while they gain.
// Throws std::invalid_argument when a layer has no options or a number is not finite, or when the
// fewest bits exceed the budget.
BitAllocation AllocateBits(const std::vector<AllocatedLayer>& layers, double budget);

// MixDQ gives content layers (feed-forward networks and cross-attention) and quality layers (all
// others) average bits of their own, content = ratio x quality, so that the whole model's average
// is `average`. content_share: the content layers' size over the quality layers'.
struct GroupMeans {
  double content = 0;
  double quality = 0;
};
GroupMeans SplitAverage(double average, double ratio, double content_share);

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_BIT_ALLOCATION_H_
