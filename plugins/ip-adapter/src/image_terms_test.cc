#include "plugins/ip-adapter/src/image_terms.h"

#include <gtest/gtest.h>

namespace ip_adapter {
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

TEST(ImageTermsTest, TogetherTheyShareASoftmax) {
  const at::Tensor keys = at::randn({2, 3, 4, 8});
  const at::Tensor values = at::randn({2, 3, 4, 8});
  const std::vector<ImageTerm> terms =
      MakeTerms(keys, values, {1.0, 0.5, 2.0}, true, {false, false, false});
  ASSERT_EQ(terms.size(), 1u);
  const at::Tensor query = at::randn({1, 5, 8});
  const at::Tensor weighted = values * at::tensor({1.0, 0.5, 2.0}).view({1, 3, 1, 1});
  EXPECT_TRUE(at::allclose(
      Attended(terms[0].given, query, 2, {kCond})[0],
      ByHand(query[0], keys[1].reshape({12, 8}), weighted.to(at::kFloat)[1].reshape({12, 8}), 2),
      1e-4, 1e-5));
}

TEST(ImageTermsTest, ApartEachHasItsOwn) {
  const at::Tensor keys = at::randn({2, 2, 4, 8});
  const at::Tensor values = at::randn({2, 2, 4, 8});
  const std::vector<ImageTerm> terms = MakeTerms(keys, values, {1.0, 0.5}, false, {false, true});
  ASSERT_EQ(terms.size(), 2u);
  EXPECT_EQ(terms[0].mask, -1);
  EXPECT_EQ(terms[1].mask, 1);
  const at::Tensor query = at::randn({1, 5, 8});
  EXPECT_TRUE(at::allclose(Attended(terms[1].given, query, 2, {kUncond})[0],
                           ByHand(query[0], keys[0][1], 0.5 * values[0][1], 2), 1e-4, 1e-5));
}

}  // namespace
}  // namespace ip_adapter
