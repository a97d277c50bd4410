#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_BROWNIAN_MOTION_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_BROWNIAN_MOTION_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace patchbay {

// One path of Brownian motion that does not depend on where it is looked at: SDE samplers use it so
// that a seed gives nearly the same picture whatever the number of steps. The path is that of
// torchsde's BrownianTree (Li et al., arXiv:2001.01328, section 4) with its tolerance of 1e-6:
// increments are refined by halving, each half with a seed of its own.
class BrownianMotion {
 public:
  // Unit-variance noise of a shape from a 32-bit seed.
  using DrawWithSeed = std::function<at::Tensor(uint32_t seed, at::IntArrayRef shape)>;

  // Times lie between `start` and `end`, start < end.
  BrownianMotion(double start, double end, uint64_t seed, std::vector<int64_t> shape,
                 DrawWithSeed draw);

  // The increment from one time to a later one; times outside the interval are moved to its ends.
  at::Tensor Increment(double from, double to) const;

 private:
  // A node of the tree: its interval, and where it stands.
  struct Node {
    double start = 0;
    double end = 0;
    uint64_t index = 0;  // from the left, among the nodes of this depth
    uint32_t depth = 0;
  };

  at::Tensor Within(const Node& node, const at::Tensor& increment, double from, double to) const;

  double start_;
  double end_;
  uint64_t seed_;
  std::vector<int64_t> shape_;
  DrawWithSeed draw_;
  at::Tensor whole_;  // the increment over the whole interval
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_BROWNIAN_MOTION_H_
