#include "host/runtime/nn/feed_forward.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <tuple>

#include "gtest/gtest.h"
#include "host/runtime/nn/test_weights.h"

namespace patchbay {
namespace {

class FeedForwardTest : public testing::TestWithParam<std::tuple<at::ScalarType, int64_t>> {};

TEST_P(FeedForwardTest, AgreesWithPlainOperators) {
  const auto& [precision, width] = GetParam();
  at::manual_seed(8);
  TestWeights weights(precision);
  const at::Tensor w1 = weights.Add("net.0.proj.weight", {8 * width, width}, 0.3);
  const at::Tensor b1 = weights.Add("net.0.proj.bias", {8 * width});
  const at::Tensor w2 = weights.Add("net.2.weight", {width, 4 * width}, 0.1);
  const at::Tensor b2 = weights.Add("net.2.bias", {width});
  const GatedFeedForward feed_forward(weights.scope(), width);
  const at::Tensor x = at::randn({2, 37, width}).to(precision);
  const auto plain = [&](at::ScalarType type) {
    const auto halves = at::linear(x.to(type), w1.to(type), b1.to(type)).chunk(2, -1);
    return at::linear(halves[0] * at::gelu(halves[1]), w2.to(type), b2.to(type)) + x.to(type);
  };
  const at::Tensor exact = plain(at::kDouble);
  EXPECT_LE(RelativeError(feed_forward.ForwardAdd(x, x, OperatorTable()), exact),
            AllowedError(plain(precision), exact));
  const c10::AutoGradMode enabled(true);
  const at::Tensor leaf = x.clone().requires_grad_();
  feed_forward.ForwardAdd(leaf, x, OperatorTable()).sum().backward();
  EXPECT_TRUE(leaf.grad().defined());
}

INSTANTIATE_TEST_SUITE_P(Widths, FeedForwardTest,
                         testing::Combine(testing::Values(at::kFloat, at::kBFloat16),
                                          testing::Values(1, 5, 32, 65)));

// The gate alone: with identity matrices the layer is value * GELU(gate).
TEST(FeedForwardGateTest, IsAccurateEverywhere) {
  const at::Tensor gates = at::linspace(-12, 12, 4001).reshape({1, -1, 1});
  TestWeights weights(at::kFloat);
  weights.Add("net.0.proj.weight", {8, 1})
      .copy_(at::tensor({0, 0, 0, 0, 1, 0, 0, 0}, at::kFloat).reshape({8, 1}));
  weights.Add("net.0.proj.bias", {8}).copy_(at::tensor({1, 0, 0, 0, 0, 0, 0, 0}, at::kFloat));
  weights.Add("net.2.weight", {1, 4}).copy_(at::tensor({1, 0, 0, 0}, at::kFloat).reshape({1, 4}));
  weights.Add("net.2.bias", {1}).zero_();
  const GatedFeedForward feed_forward(weights.scope(), 1);
  const at::Tensor y =
      feed_forward.ForwardAdd(gates, at::zeros_like(gates), OperatorTable()).to(at::kDouble);
  const at::Tensor error = (y - at::gelu(gates.to(at::kDouble))).abs();
  // 1.5e-7 |x| / 2 from erfc, and rounding.
  EXPECT_LE((error / (gates.abs() + 1)).max().item<double>(), 2e-7);

  const at::Tensor edges = at::tensor({1e30f, -1e30f, std::nanf("")}).reshape({1, 3, 1});
  const at::Tensor at_edges =
      feed_forward.ForwardAdd(edges, at::zeros_like(edges), OperatorTable()).flatten();
  EXPECT_EQ(at_edges[0].item<float>(), 1e30f);
  EXPECT_EQ(at_edges[1].item<float>(), 0.0f);
  EXPECT_TRUE(std::isnan(at_edges[2].item<float>()));
}

}  // namespace
}  // namespace patchbay
