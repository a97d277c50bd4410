#ifndef PATCHBAY_PLUGINS_LLAVA_SRC_BPE_MERGING_H_
#define PATCHBAY_PLUGINS_LLAVA_SRC_BPE_MERGING_H_

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace llava {

// What two neighbouring tokens become, and how early that is done.
struct Merge {
  int64_t rank = 0;  // lower ones first
  int64_t token = 0;
};

using Merges = std::map<std::pair<int64_t, int64_t>, Merge>;

// Byte-pair encoding (arXiv:1508.07909): joins the neighbours with the lowest rank, the leftmost
// ones first, as long as there are any. Time grows with n log n.
std::vector<int64_t> Merged(const std::vector<int64_t>& tokens, const Merges& merges);

}  // namespace llava

#endif  // PATCHBAY_PLUGINS_LLAVA_SRC_BPE_MERGING_H_
