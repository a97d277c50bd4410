#include "host/runtime/nn/linear.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <tuple>

#include "gtest/gtest.h"
#include "host/runtime/nn/test_weights.h"

namespace patchbay {
namespace {

struct Sizes {
  int64_t rows;
  int64_t in;
  int64_t out;
};

class LinearTest : public testing::TestWithParam<std::tuple<at::ScalarType, Sizes>> {
 protected:
  void SetUp() override {
    at::manual_seed(1);
    const auto& [precision, sizes] = GetParam();
    weight_ = weights_.Add("weight", {sizes.out, sizes.in}, 0.1);
    bias_ = weights_.Add("bias", {sizes.out});
    x_ = at::randn({2, sizes.rows, sizes.in}).to(precision);
  }

  at::Tensor Exact(const at::Tensor& x) const {
    return at::linear(x.to(at::kDouble), weight_.to(at::kDouble), bias_.to(at::kDouble));
  }

  TestWeights weights_{std::get<0>(GetParam())};
  OperatorTable no_patches_;
  at::Tensor weight_;
  at::Tensor bias_;
  at::Tensor x_;
};

TEST_P(LinearTest, AgreesWithThePlainOperator) {
  const Linear linear(weights_.scope(), -1, -1, Linear::Bias::kRequired);
  const at::Tensor y = linear.Forward(x_, no_patches_);
  EXPECT_EQ(y.scalar_type(), x_.scalar_type());
  EXPECT_LE(RelativeError(y, Exact(x_)), AllowedError(at::linear(x_, weight_, bias_), Exact(x_)));
}

TEST_P(LinearTest, TakesStridedInput) {
  const Linear linear(weights_.scope(), -1, -1, Linear::Bias::kRequired);
  const at::Tensor wide = at::cat({x_, x_ + 1}, -1);
  const at::Tensor half = wide.chunk(2, -1)[1];
  const at::Tensor transposed = x_.transpose(0, 1);
  EXPECT_LE(RelativeError(linear.Forward(half, no_patches_), Exact(half)),
            AllowedError(at::linear(half, weight_, bias_), Exact(half)));
  EXPECT_LE(RelativeError(linear.Forward(transposed, no_patches_), Exact(transposed)),
            AllowedError(at::linear(transposed, weight_, bias_), Exact(transposed)));
}

TEST_P(LinearTest, AddsTheResidualAndLeavesItAlone) {
  const Linear linear(weights_.scope(), -1, -1, Linear::Bias::kRequired);
  const at::Tensor residual = at::randn_like(linear.Forward(x_, no_patches_));
  const at::Tensor before = residual.clone();
  const at::Tensor exact = Exact(x_) + residual.to(at::kDouble);
  const at::Tensor y = linear.ForwardAdd(x_, residual, no_patches_);
  EXPECT_LE(RelativeError(y, exact),
            AllowedError(at::linear(x_, weight_, bias_) + residual, exact));
  EXPECT_TRUE(at::equal(residual, before));
}

TEST_P(LinearTest, GivesItsWeightBack) {
  const Linear linear(weights_.scope(), -1, -1, Linear::Bias::kRequired);
  EXPECT_TRUE(at::equal(linear.weight(), weight_));
  EXPECT_TRUE(at::equal(linear.bias(), bias_));
}

TEST_P(LinearTest, LetsGoOfItsWeightAndTakesItBack) {
  const Linear linear(weights_.scope(), -1, -1, Linear::Bias::kRequired);
  const Linear copy = linear;
  const at::Tensor y = linear.Forward(x_, no_patches_);
  const auto storage = weights_.scope().sites().Storage(linear.site());
  EXPECT_EQ(storage->bytes(), weight_.nbytes());
  storage->LetGo();
  EXPECT_FALSE(copy.weight().defined());
  EXPECT_THROW(copy.Forward(x_, no_patches_), c10::Error);
  storage->GiveBack(weight_);
  EXPECT_TRUE(at::equal(copy.Forward(x_, no_patches_), y));
}

TEST_P(LinearTest, IsDifferentiable) {
  const Linear linear(weights_.scope(), -1, -1, Linear::Bias::kRequired);
  const c10::AutoGradMode enabled(true);
  const at::Tensor x = x_.clone().requires_grad_();
  const at::Tensor y = linear.ForwardAdd(x, x_.new_zeros({1}), no_patches_);
  const at::Tensor factor = at::randn_like(y, c10::TensorOptions().requires_grad(false));
  y.backward(factor);
  const at::Tensor exact = at::matmul(factor.to(at::kDouble), weight_.to(at::kDouble));
  EXPECT_LE(RelativeError(x.grad(), exact), x.scalar_type() == at::kFloat ? 1e-5 : 2e-2);
}

TEST_P(LinearTest, KeepsNothingForGradients) {
  const Linear linear(weights_.scope(), -1, -1, Linear::Bias::kRequired);
  const c10::AutoGradMode enabled(true);
  const at::Tensor x = x_.clone().requires_grad_();
  const at::Tensor input = x * 2;
  const size_t holders = input.use_count();
  const at::Tensor y = linear.Forward(input, no_patches_);
  EXPECT_EQ(input.use_count(), holders);
  weights_.scope().sites().Storage(linear.site())->LetGo();
  EXPECT_THROW(y.sum().backward(), c10::Error);
}

INSTANTIATE_TEST_SUITE_P(Sizes, LinearTest,
                         testing::Combine(testing::Values(at::kFloat, at::kBFloat16),
                                          testing::Values(Sizes{1, 1, 1}, Sizes{3, 5, 7},
                                                          Sizes{77, 40, 129}, Sizes{64, 320, 320},
                                                          Sizes{33, 641, 64})));

class DoublingPatch : public OperatorPatch {
 public:
  at::Tensor Forward(const OperatorInput& input,
                     absl::FunctionRef<at::Tensor(const at::Tensor&)> original) const override {
    return original(input.x) * 2;
  }
};

TEST(LinearPatchTest, PatchesStandInAndSeeTheOriginal) {
  at::manual_seed(2);
  TestWeights weights(at::kFloat);
  const at::Tensor weight = weights.Add("weight", {6, 4, 1, 1});
  const Linear linear(weights.scope(), 4, 6, Linear::Bias::kIfStored);
  EXPECT_FALSE(linear.bias().defined());
  OperatorTable table;
  table.Set(linear.site(), weights.sites(), std::make_shared<DoublingPatch>());
  const at::Tensor x = at::randn({3, 4});
  const at::Tensor exact = 2 * at::linear(x, weight.flatten(1));
  EXPECT_LE(RelativeError(linear.Forward(x, table), exact), 1e-6);
  EXPECT_LE(RelativeError(linear.ForwardAdd(x, exact, table), 2 * exact), 1e-6);
}

}  // namespace
}  // namespace patchbay
