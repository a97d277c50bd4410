#include "plugins/ip-adapter/src/image_terms.h"

namespace ip_adapter {
namespace {

// [2, n, C] to [B, heads, n, C / heads]: what each row's role asks for.
at::Tensor ForRows(const at::Tensor& both, int64_t heads,
                   const std::vector<patchbay_row_role>& roles) {
  const at::Tensor split = both.view({2, both.size(1), heads, -1}).transpose(1, 2);
  std::vector<at::Tensor> runs;
  for (size_t begin = 0; begin < roles.size();) {
    const bool is_unconditional = roles[begin] == PATCHBAY_ROW_UNCONDITIONAL;
    size_t end = begin;
    while (end < roles.size() && (roles[end] == PATCHBAY_ROW_UNCONDITIONAL) == is_unconditional) {
      ++end;
    }
    const at::Tensor row = split.slice(0, is_unconditional ? 0 : 1, is_unconditional ? 1 : 2);
    runs.push_back(row.expand({static_cast<int64_t>(end - begin), -1, -1, -1}));
    begin = end;
  }
  return runs.size() == 1 ? runs.front() : at::cat(runs);
}

}  // namespace

std::vector<ImageTerm> MakeTerms(const at::Tensor& keys, const at::Tensor& values,
                                 const std::vector<double>& weights, bool together,
                                 const std::vector<bool>& has_mask) {
  if (together) {
    at::Tensor weighted = values.clone();
    for (size_t i = 0; i < weights.size(); ++i) {
      weighted.select(1, static_cast<int64_t>(i)).mul_(weights[i]);
    }
    return {{keys.flatten(1, 2), weighted.flatten(1, 2)}};
  }
  std::vector<ImageTerm> terms;
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto picture = static_cast<int64_t>(i);
    terms.push_back({keys.select(1, picture).contiguous(), values.select(1, picture) * weights[i],
                     has_mask[i] ? static_cast<int>(i) : -1});
  }
  return terms;
}

at::Tensor Attended(const ImageTerm& term, const at::Tensor& query, int64_t heads,
                    const std::vector<patchbay_row_role>& roles) {
  const at::Tensor split = query.view({query.size(0), query.size(1), heads, -1}).transpose(1, 2);
  const at::Tensor attended = at::scaled_dot_product_attention(
      split, ForRows(term.keys, heads, roles), ForRows(term.values, heads, roles));
  return attended.transpose(1, 2).reshape(query.sizes());
}

}  // namespace ip_adapter
