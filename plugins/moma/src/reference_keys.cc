#include "plugins/moma/src/reference_keys.h"

namespace moma {
image_prompt::KeysAndValues Recorded(const SelfWeights& weights, const at::Tensor& key,
                                     const at::Tensor& value, const at::Tensor& mask,
                                     bool uniform) {
  at::Tensor chosen = mask.nonzero().squeeze(1);
  const bool is_nowhere = chosen.size(0) == 0;
  if (is_nowhere && !uniform) return {};
  if (is_nowhere) chosen = at::arange(mask.size(0));
  const auto kept = [&](const at::Tensor& rows, const at::Tensor& weight) {
    return at::linear(rows.index_select(1, chosen.to(rows.device())), weight.to(rows.options()));
  };
  const image_prompt::KeysAndValues recorded = {kept(key, weights.keys),
                                                kept(value, weights.values)};
  if (is_nowhere) return {at::zeros_like(recorded.keys), recorded.values};
  return recorded;
}

}  // namespace moma
