#ifndef PATCHBAY_PLUGINS_MOMA_SRC_GRAPH_CUT_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_GRAPH_CUT_H_

#include <cstddef>
#include <vector>

namespace moma {

// What it costs to tell apart two neighbours.
struct Link {
  size_t one = 0;
  size_t other = 0;
  double cost = 0;  // not negative
};

// What it costs to count a pixel among the background, and among the subject; not negative.
struct PixelCost {
  double background = 0;
  double subject = 0;
};

// For each pixel whether it is the subject's, such that all costs together are least: the minimum
// cut (Boykov and Kolmogorov, 2004; Boost.Graph's).
std::vector<bool> LeastCostLabels(const std::vector<PixelCost>& pixels,
                                  const std::vector<Link>& links);

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_GRAPH_CUT_H_
