#include "plugins/animatediff/src/frame_windows.h"

namespace animatediff {

std::vector<int64_t> WindowStarts(int64_t frames, int64_t window, int64_t stride) {
  if (frames <= window) return {0};
  std::vector<int64_t> starts;
  const int64_t last = frames - window;
  for (int64_t start = 0; start < last; start += stride) starts.push_back(start);
  starts.push_back(last);
  return starts;
}

at::Tensor WindowWeights(WindowWeighting weighting, int64_t window) {
  if (weighting == WindowWeighting::kUniform) return at::ones({window, 1, 1, 1});
  const at::Tensor place = at::arange(window, at::kFloat);
  const at::Tensor from_the_nearer_end = at::minimum(place + 1, window - place);
  return (from_the_nearer_end / from_the_nearer_end.max()).view({window, 1, 1, 1});
}

}  // namespace animatediff
