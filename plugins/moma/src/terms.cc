#include "plugins/moma/src/terms.h"

namespace moma {
namespace {

// [1 or 2, n, C] to [B, heads, n, C / heads]: what each row's role asks for.
at::Tensor ForRows(const at::Tensor& sets, int64_t heads,
                   const std::vector<patchbay_row_role>& roles) {
  const at::Tensor split = sets.view({sets.size(0), sets.size(1), heads, -1}).transpose(1, 2);
  const auto rows = static_cast<int64_t>(roles.size());
  if (sets.size(0) == 1) return split.expand({rows, -1, -1, -1});
  std::vector<int64_t> chosen;
  for (const patchbay_row_role role : roles) {
    chosen.push_back(role == PATCHBAY_ROW_UNCONDITIONAL ? 0 : 1);
  }
  return split.index_select(0, at::tensor(chosen, at::kLong).to(sets.device()));
}

}  // namespace

KeysAndValues Recorded(const SelfWeights& weights, const at::Tensor& key, const at::Tensor& value,
                       const at::Tensor& mask, bool uniform) {
  at::Tensor chosen = mask.nonzero().squeeze(1);
  const bool is_nowhere = chosen.size(0) == 0;
  if (is_nowhere && !uniform) return {};
  if (is_nowhere) chosen = at::arange(mask.size(0));
  const auto kept = [&](const at::Tensor& rows, const at::Tensor& weight) {
    return at::linear(rows.index_select(1, chosen.to(rows.device())), weight.to(rows.options()));
  };
  const KeysAndValues recorded = {kept(key, weights.keys), kept(value, weights.values)};
  if (is_nowhere) return {at::zeros_like(recorded.keys), recorded.values};
  return recorded;
}

at::Tensor Attended(const KeysAndValues& set, const at::Tensor& query, int64_t heads,
                    const std::vector<patchbay_row_role>& roles) {
  const at::Tensor split = query.view({query.size(0), query.size(1), heads, -1}).transpose(1, 2);
  const at::Tensor attended = at::scaled_dot_product_attention(
      split, ForRows(set.keys, heads, roles), ForRows(set.values, heads, roles));
  return attended.transpose(1, 2).reshape(query.sizes());
}

}  // namespace moma
