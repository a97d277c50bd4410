#include "plugins/image_prompt/src/decoupled_attention.h"

#include <gtest/gtest.h>

namespace image_prompt {
namespace {

constexpr patchbay_row_role kUncond = PATCHBAY_ROW_UNCONDITIONAL;
constexpr patchbay_row_role kCond = PATCHBAY_ROW_CONDITIONAL;

// One row, from the definition.
at::Tensor ByHand(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values,
                  int64_t heads) {
  std::vector<at::Tensor> parts;
  for (int64_t head = 0; head < heads; ++head) {
    const auto part = [&](const at::Tensor& x) { return x.chunk(heads, -1)[head]; };
    const double width = static_cast<double>(part(query).size(-1));
    const at::Tensor scores = at::matmul(part(query), part(keys).t()) / std::sqrt(width);
    parts.push_back(at::matmul(at::softmax(scores, -1), part(values)));
  }
  return at::cat(parts, -1);
}

TEST(DecoupledAttentionTest, EachRowAttendsToWhatItsRoleAsksFor) {
  const KeysAndValues given = {at::randn({2, 4, 12}), at::randn({2, 4, 12})};
  const at::Tensor query = at::randn({5, 6, 12});
  const std::vector<patchbay_row_role> roles = {kUncond, kCond, kCond, kUncond, PATCHBAY_ROW_OTHER};
  const at::Tensor attended = Attended(given, query, 3, roles);
  for (int64_t row = 0; row < 5; ++row) {
    const int64_t kind = roles[static_cast<size_t>(row)] == kUncond ? 0 : 1;
    EXPECT_TRUE(at::allclose(
        attended[row], ByHand(query[row], given.keys[kind], given.values[kind], 3), 1e-4, 1e-5))
        << row;
  }
}

TEST(DecoupledAttentionTest, OneSetIsForAllRows) {
  const KeysAndValues given = {at::randn({1, 4, 12}), at::randn({1, 4, 12})};
  const at::Tensor query = at::randn({2, 6, 12});
  const at::Tensor attended = Attended(given, query, 3, {kUncond, kCond});
  for (int64_t row = 0; row < 2; ++row) {
    EXPECT_TRUE(at::allclose(attended[row], ByHand(query[row], given.keys[0], given.values[0], 3),
                             1e-4, 1e-5))
        << row;
  }
}

}  // namespace
}  // namespace image_prompt
