#include "plugins/image_prompt/src/decoupled_attention.h"

namespace image_prompt {
namespace {

// [1 or 2, n, C] to [B, heads, n, C / heads]: what each row's role asks for.
at::Tensor ForRows(const at::Tensor& sets, int64_t heads,
                   const std::vector<patchbay_row_role>& roles) {
  const at::Tensor split = sets.view({sets.size(0), sets.size(1), heads, -1}).transpose(1, 2);
  if (sets.size(0) == 1) return split.expand({static_cast<int64_t>(roles.size()), -1, -1, -1});
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

at::Tensor Attended(const KeysAndValues& given, const at::Tensor& query, int64_t heads,
                    const std::vector<patchbay_row_role>& roles) {
  const at::Tensor split = query.view({query.size(0), query.size(1), heads, -1}).transpose(1, 2);
  const at::Tensor attended = at::scaled_dot_product_attention(
      split, ForRows(given.keys, heads, roles), ForRows(given.values, heads, roles));
  return attended.transpose(1, 2).reshape(query.sizes());
}

}  // namespace image_prompt
