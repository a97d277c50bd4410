#include "host/runtime/nn/attention.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <limits>
#include <tuple>

#include "gtest/gtest.h"
#include "host/runtime/nn/test_weights.h"

namespace patchbay {
namespace {

struct Sizes {
  int64_t batch;
  int64_t queries;
  int64_t keys;
  int64_t heads;
  int64_t width;
};

at::Tensor SplitHeads(const at::Tensor& tokens, int64_t batch, int64_t heads) {
  return tokens.reshape({tokens.size(0), tokens.size(1), heads, -1})
      .transpose(1, 2)
      .expand({batch, -1, -1, -1});
}

// By the definition: softmax(q k^T / sqrt(width)) v.
at::Tensor Definition(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                      bool causal) {
  const int64_t batch = q.size(0);
  const double width = static_cast<double>(q.size(2)) / static_cast<double>(heads);
  at::Tensor scores =
      at::matmul(SplitHeads(q, batch, heads), SplitHeads(k, batch, heads).transpose(2, 3)) /
      std::sqrt(width);
  if (causal) {
    const at::Tensor hidden =
        at::ones({q.size(1), k.size(1)}, at::TensorOptions().dtype(at::kBool)).triu(1);
    scores = scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
  }
  const at::Tensor out = at::matmul(at::softmax(scores, -1), SplitHeads(v, batch, heads));
  return out.transpose(1, 2).reshape(q.sizes());
}

void ExpectAttends(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                   bool causal) {
  const at::Tensor exact =
      Definition(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble), heads, causal);
  const at::Tensor plain = at::scaled_dot_product_attention(
                               SplitHeads(q, q.size(0), heads), SplitHeads(k, q.size(0), heads),
                               SplitHeads(v, q.size(0), heads), {}, 0.0, causal)
                               .transpose(1, 2)
                               .reshape(q.sizes());
  const at::Tensor out = Attend(q, k, v, heads, causal);
  ASSERT_EQ(out.sizes(), q.sizes());
  EXPECT_EQ(out.scalar_type(), q.scalar_type());
  // Our kernels sum a row of products in order, LibTorch's in several parts.
  EXPECT_LE(RelativeError(out, exact), 1.5 * AllowedError(plain, exact))
      << "queries " << q.sizes() << ", keys " << k.sizes() << ", causal " << causal;
}

class AttentionTest : public testing::TestWithParam<std::tuple<at::ScalarType, Sizes>> {
 protected:
  at::Tensor Tokens(int64_t batch, int64_t count, double scale = 1.0) const {
    const Sizes& sizes = std::get<1>(GetParam());
    return (at::randn({batch, count, sizes.heads * sizes.width}) * scale)
        .to(std::get<0>(GetParam()));
  }
  void SetUp() override { at::manual_seed(3); }
  const Sizes& sizes() const { return std::get<1>(GetParam()); }
};

TEST_P(AttentionTest, AgreesWithTheDefinition) {
  for (const double scale : {0.1, 1.0, 8.0}) {
    ExpectAttends(Tokens(sizes().batch, sizes().queries, scale),
                  Tokens(sizes().batch, sizes().keys), Tokens(sizes().batch, sizes().keys),
                  sizes().heads, false);
  }
}

TEST_P(AttentionTest, Causal) {
  ExpectAttends(Tokens(sizes().batch, sizes().queries), Tokens(sizes().batch, sizes().queries),
                Tokens(sizes().batch, sizes().queries), sizes().heads, true);
  ExpectAttends(Tokens(sizes().batch, sizes().queries), Tokens(sizes().batch, sizes().keys),
                Tokens(sizes().batch, sizes().keys), sizes().heads, true);
}

TEST_P(AttentionTest, SharesKeysAmongAllRows) {
  ExpectAttends(Tokens(sizes().batch, sizes().queries), Tokens(1, sizes().keys),
                Tokens(1, sizes().keys), sizes().heads, false);
}

TEST_P(AttentionTest, TakesStridedViews) {
  // As one merged projection would leave them.
  const at::Tensor all =
      at::cat({Tokens(sizes().batch, sizes().queries), Tokens(sizes().batch, sizes().queries),
               Tokens(sizes().batch, sizes().queries)},
              -1);
  const auto parts = all.chunk(3, -1);
  ExpectAttends(parts[0], parts[1], parts[2], sizes().heads, false);
  const at::Tensor transposed =
      Tokens(sizes().batch, sizes().keys).transpose(1, 2).contiguous().transpose(1, 2);
  ExpectAttends(parts[0], transposed, transposed, sizes().heads, false);
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, AttentionTest,
    testing::Combine(testing::Values(at::kFloat, at::kBFloat16),
                     testing::Values(Sizes{1, 1, 1, 1, 8}, Sizes{2, 33, 77, 3, 40},
                                     Sizes{4, 77, 77, 2, 64}, Sizes{3, 100, 130, 2, 80},
                                     Sizes{1, 64, 200, 1, 160}, Sizes{2, 31, 65, 2, 128},
                                     Sizes{1, 40, 64, 1, 512}, Sizes{2, 50, 63, 2, 32},
                                     // Not for our kernels.
                                     Sizes{2, 20, 30, 2, 12}, Sizes{1, 5, 9, 3, 7})));

TEST(AttentionEdgeTest, ScoresThatGrowFromBlockToBlock) {
  // Each block of keys exceeds the running maximum of those before it by far.
  for (const at::ScalarType precision : {at::kFloat, at::kBFloat16}) {
    at::manual_seed(4);
    const at::Tensor q = at::ones({1, 40, 16}).to(precision);
    const at::Tensor v = at::randn({1, 300, 16}).to(precision);
    const at::Tensor ramp = at::arange(0, 300).to(at::kFloat).div(16).floor().reshape({1, 300, 1});
    for (const double slope : {1.0, -1.0}) {
      const at::Tensor k = (slope * ramp * at::ones({1, 300, 16})).to(precision);
      const at::Tensor exact =
          Definition(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble), 2, false);
      // The values are of order 1 and nearly cancel each other, so the bound is an absolute one.
      EXPECT_LE((Attend(q, k, v, 2).to(at::kDouble) - exact).abs().max().item<double>(),
                precision == at::kFloat ? 1e-6 : 4e-3);
    }
  }
}

TEST(AttentionEdgeTest, NotANumberStaysVisible) {
  for (const at::ScalarType precision : {at::kFloat, at::kBFloat16}) {
    at::Tensor k = at::randn({1, 70, 16}).to(precision);
    k[0][69][3] = std::numeric_limits<float>::quiet_NaN();
    const at::Tensor q = at::randn({1, 5, 16}).to(precision);
    EXPECT_TRUE(Attend(q, k, k, 2).slice(2, 0, 8).isnan().all().item<bool>());
  }
}

TEST(AttentionEdgeTest, RefusesShapesThatDoNotFit) {
  const at::Tensor q = at::randn({2, 5, 16});
  EXPECT_THROW(Attend(q, at::randn({2, 7, 24}), at::randn({2, 7, 24}), 2), c10::Error);
  EXPECT_THROW(Attend(q, at::randn({3, 7, 16}), at::randn({3, 7, 16}), 2), c10::Error);
  EXPECT_THROW(Attend(q, at::randn({2, 7, 16}), at::randn({2, 8, 16}), 2), c10::Error);
  EXPECT_THROW(Attend(q, q, q, 3), c10::Error);
}

TEST(AttentionEdgeTest, IsDifferentiable) {
  at::manual_seed(5);
  const c10::AutoGradMode enabled(true);
  const at::Tensor q = at::randn({1, 6, 16}).requires_grad_();
  const at::Tensor k = at::randn({1, 9, 16});
  Attend(q, k, k, 2).pow(2).sum().backward();
  const at::Tensor exact = q.detach().to(at::kDouble).requires_grad_();
  Definition(exact, k.to(at::kDouble), k.to(at::kDouble), 2, false).pow(2).sum().backward();
  EXPECT_LE(RelativeError(q.grad(), exact.grad()), 1e-5);
}

}  // namespace
}  // namespace patchbay
