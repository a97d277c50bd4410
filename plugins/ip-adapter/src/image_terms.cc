#include "plugins/ip-adapter/src/image_terms.h"

namespace ip_adapter {
std::vector<ImageTerm> MakeTerms(const at::Tensor& keys, const at::Tensor& values,
                                 const std::vector<double>& weights, bool together,
                                 const std::vector<bool>& has_mask) {
  if (together) {
    at::Tensor weighted = values.clone();
    for (size_t i = 0; i < weights.size(); ++i) {
      weighted.select(1, static_cast<int64_t>(i)).mul_(weights[i]);
    }
    return {{{keys.flatten(1, 2), weighted.flatten(1, 2)}}};
  }
  std::vector<ImageTerm> terms;
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto picture = static_cast<int64_t>(i);
    terms.push_back({{keys.select(1, picture).contiguous(), values.select(1, picture) * weights[i]},
                     has_mask[i] ? static_cast<int>(i) : -1});
  }
  return terms;
}

}  // namespace ip_adapter
