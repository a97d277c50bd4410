#include "host/runtime/nn/normalization.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <tuple>

#include "gtest/gtest.h"
#include "host/runtime/nn/test_weights.h"

namespace patchbay {
namespace {

struct Sizes {
  int64_t batch;
  int64_t channels;
  int64_t groups;
  int64_t height;
  int64_t width;
};

class GroupNormTest : public testing::TestWithParam<std::tuple<at::ScalarType, Sizes>> {
 protected:
  void SetUp() override {
    at::manual_seed(6);
    const auto& [precision, sizes] = GetParam();
    weight_ = weights_.Add("weight", {sizes.channels});
    bias_ = weights_.Add("bias", {sizes.channels});
    shift_ = (at::randn({sizes.batch, sizes.channels}) * 2).to(precision);
    // An offset larger than the spread, as deep layers have it.
    x_ = (at::randn({sizes.batch, sizes.channels, sizes.height, sizes.width}) + 3)
             .to(precision)
             .contiguous(at::MemoryFormat::ChannelsLast);
  }

  int64_t groups() const { return std::get<1>(GetParam()).groups; }
  GroupNorm Make() {
    return GroupNorm(weights_.scope(), std::get<1>(GetParam()).channels, groups(), 1e-5);
  }
  at::Tensor Definition(const at::Tensor& x, at::ScalarType type) const {
    return at::group_norm(x.to(type), groups(), weight_.to(type), bias_.to(type), 1e-5);
  }
  void ExpectClose(const at::Tensor& actual, const at::Tensor& plain, const at::Tensor& exact) {
    EXPECT_EQ(actual.scalar_type(), x_.scalar_type());
    EXPECT_LE(RelativeError(actual, exact), AllowedError(plain, exact));
  }

  TestWeights weights_{std::get<0>(GetParam())};
  at::Tensor weight_;
  at::Tensor bias_;
  at::Tensor shift_;
  at::Tensor x_;
};

TEST_P(GroupNormTest, AgreesWithThePlainOperator) {
  const GroupNorm norm = Make();
  for (const at::Tensor& x : {x_, x_.contiguous(), x_.transpose(2, 3)}) {
    const at::Tensor plain = Definition(x, x.scalar_type());
    const at::Tensor exact = Definition(x, at::kDouble);
    ExpectClose(norm.Forward(x), plain, exact);
    ExpectClose(norm.ForwardSilu(x), at::silu(plain), at::silu(exact));
  }
  EXPECT_TRUE(norm.Forward(x_).is_contiguous(at::MemoryFormat::ChannelsLast));
}

TEST_P(GroupNormTest, AddsAShiftFirst) {
  const GroupNorm norm = Make();
  const at::Tensor shift = shift_.unsqueeze(-1).unsqueeze(-1);
  const at::Tensor exact = Definition(x_.to(at::kDouble) + shift.to(at::kDouble), at::kDouble);
  ExpectClose(norm.ForwardShiftedSilu(x_, shift_),
              at::silu(Definition(x_ + shift, x_.scalar_type())), at::silu(exact));
  // One row for all images.
  const at::Tensor first = shift.slice(0, 0, 1);
  const at::Tensor exact_first =
      Definition(x_.to(at::kDouble) + first.to(at::kDouble), at::kDouble);
  ExpectClose(norm.ForwardShiftedSilu(x_, shift_.slice(0, 0, 1)),
              at::silu(Definition(x_ + first, x_.scalar_type())), at::silu(exact_first));
}

TEST_P(GroupNormTest, IsDifferentiable) {
  const GroupNorm norm = Make();
  const c10::AutoGradMode enabled(true);
  const at::Tensor x = x_.clone().requires_grad_();
  norm.ForwardShiftedSilu(x, shift_).sum().backward();
  EXPECT_TRUE(x.grad().defined());
  const at::Tensor shift = shift_.clone().requires_grad_();
  norm.ForwardShiftedSilu(x_, shift).sum().backward();
  EXPECT_TRUE(shift.grad().defined());
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, GroupNormTest,
    testing::Combine(testing::Values(at::kFloat, at::kBFloat16),
                     testing::Values(Sizes{1, 32, 32, 4, 4}, Sizes{2, 64, 32, 9, 13},
                                     Sizes{3, 30, 5, 7, 5}, Sizes{2, 320, 32, 33, 17},
                                     Sizes{4, 36, 4, 1, 3})));

class LayerNormTest : public testing::TestWithParam<std::tuple<at::ScalarType, int64_t>> {};

TEST_P(LayerNormTest, AgreesWithThePlainOperator) {
  const auto& [precision, width] = GetParam();
  at::manual_seed(7);
  TestWeights weights(precision);
  const at::Tensor weight = weights.Add("weight", {width});
  const at::Tensor bias = weights.Add("bias", {width});
  const LayerNorm norm(weights.scope(), width, 1e-5);
  const at::Tensor wide = (at::randn({3, 50, 2 * width}) * 4 + 2).to(precision);
  const at::Tensor half = wide.slice(2, width, 2 * width);
  for (const at::Tensor& x : {half, half.contiguous(), half.transpose(0, 1)}) {
    const at::Tensor plain = at::layer_norm(x, {width}, weight, bias, 1e-5);
    const at::Tensor exact = at::layer_norm(x.to(at::kDouble), {width}, weight.to(at::kDouble),
                                            bias.to(at::kDouble), 1e-5);
    EXPECT_LE(RelativeError(norm.Forward(x), exact), AllowedError(plain, exact));
  }
  const c10::AutoGradMode enabled(true);
  const at::Tensor x = half.clone().requires_grad_();
  norm.Forward(x).sum().backward();
  EXPECT_TRUE(x.grad().defined());
}

INSTANTIATE_TEST_SUITE_P(Widths, LayerNormTest,
                         testing::Combine(testing::Values(at::kFloat, at::kBFloat16),
                                          testing::Values(1, 7, 40, 320, 1281)));

}  // namespace
}  // namespace patchbay
