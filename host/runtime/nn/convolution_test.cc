#include "host/runtime/nn/convolution.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <tuple>

#include "gtest/gtest.h"
#include "host/runtime/nn/test_weights.h"

namespace patchbay {
namespace {

struct Sizes {
  int64_t batch;
  int64_t in;
  int64_t out;
  int64_t height;
  int64_t width;
  int64_t kernel;
  int64_t stride;
};

class ConvolutionTest : public testing::TestWithParam<std::tuple<at::ScalarType, Sizes>> {
 protected:
  void SetUp() override {
    at::manual_seed(1);
    const auto& [precision, sizes] = GetParam();
    geometry_ = {.stride = sizes.stride, .padding = sizes.kernel / 2, .dilation = 1};
    weight_ = weights_.Add("weight", {sizes.out, sizes.in, sizes.kernel, sizes.kernel}, 0.1);
    bias_ = weights_.Add("bias", {sizes.out});
    x_ = at::randn({sizes.batch, sizes.in, sizes.height, sizes.width})
             .to(precision)
             .contiguous(at::MemoryFormat::ChannelsLast);
  }

  Convolution Make() {
    return Convolution(weights_.scope(), -1, -1, std::get<1>(GetParam()).kernel, geometry_);
  }

  at::Tensor Exact(const at::Tensor& x, const ConvolutionGeometry& geometry) const {
    return at::conv2d(x.to(at::kDouble), weight_.to(at::kDouble), bias_.to(at::kDouble),
                      geometry.stride, geometry.padding, geometry.dilation);
  }

  double Allowed(const at::Tensor& x, const ConvolutionGeometry& geometry) const {
    return AllowedError(
        at::conv2d(x, weight_, bias_, geometry.stride, geometry.padding, geometry.dilation),
        Exact(x, geometry));
  }

  TestWeights weights_{std::get<0>(GetParam())};
  OperatorTable no_patches_;
  ConvolutionGeometry geometry_;
  at::Tensor weight_;
  at::Tensor bias_;
  at::Tensor x_;
};

TEST_P(ConvolutionTest, AgreesWithThePlainOperator) {
  const Convolution convolution = Make();
  const at::Tensor y = convolution.Forward(x_, no_patches_);
  EXPECT_EQ(y.scalar_type(), x_.scalar_type());
  EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_LE(RelativeError(y, Exact(x_, geometry_)), Allowed(x_, geometry_));
}

TEST_P(ConvolutionTest, TakesOtherMemoryOrders) {
  const Convolution convolution = Make();
  const at::Tensor contiguous = x_.contiguous();
  const at::Tensor mirrored = x_.transpose(2, 3);
  EXPECT_LE(RelativeError(convolution.Forward(contiguous, no_patches_), Exact(x_, geometry_)),
            Allowed(x_, geometry_));
  EXPECT_LE(RelativeError(convolution.Forward(mirrored, no_patches_), Exact(mirrored, geometry_)),
            Allowed(mirrored, geometry_));
}

TEST_P(ConvolutionTest, TakesAnotherGeometry) {
  const Convolution convolution = Make();
  for (const ConvolutionGeometry& other :
       {ConvolutionGeometry{.stride = 1, .padding = 2, .dilation = 2},
        ConvolutionGeometry{.stride = 4, .padding = 2, .dilation = 2},
        ConvolutionGeometry{.stride = 2, .padding = 1, .dilation = 1}}) {
    EXPECT_LE(RelativeError(convolution.Forward(x_, other, no_patches_), Exact(x_, other)),
              Allowed(x_, other));
  }
}

// Each size may want its own order of the weight, and coming back to one must find it intact.
TEST_P(ConvolutionTest, TakesOneSizeAfterAnother) {
  const Convolution convolution = Make();
  for (int round = 0; round < 2; ++round) {
    for (const int64_t side : {8, 16, 32, 64, 9, 24}) {
      const at::Tensor x = at::randn({2, x_.size(1), side, side + 8})
                               .to(x_.scalar_type())
                               .contiguous(at::MemoryFormat::ChannelsLast);
      EXPECT_LE(RelativeError(convolution.Forward(x, no_patches_), Exact(x, geometry_)),
                Allowed(x, geometry_));
    }
  }
  EXPECT_TRUE(at::equal(convolution.weight(), weight_));
}

TEST_P(ConvolutionTest, AddsTheResidualAndLeavesItAlone) {
  const Convolution convolution = Make();
  const at::Tensor residual = at::randn_like(convolution.Forward(x_, no_patches_));
  const at::Tensor before = residual.clone();
  const at::Tensor exact = Exact(x_, geometry_) + residual.to(at::kDouble);
  EXPECT_LE(RelativeError(convolution.ForwardAdd(x_, residual, no_patches_), exact),
            2 * Allowed(x_, geometry_));
  EXPECT_TRUE(at::equal(residual, before));
}

TEST_P(ConvolutionTest, LetsGoOfItsWeightAndTakesItBack) {
  const Convolution convolution = Make();
  const at::Tensor y = convolution.Forward(x_, no_patches_);
  const auto storage = weights_.scope().sites().Storage(convolution.site());
  EXPECT_GE(storage->bytes(), weight_.nbytes());
  storage->LetGo();
  EXPECT_FALSE(convolution.weight().defined());
  EXPECT_THROW(convolution.Forward(x_, no_patches_), c10::Error);
  storage->GiveBack(weight_);
  EXPECT_TRUE(at::equal(convolution.Forward(x_, no_patches_), y));
}

TEST_P(ConvolutionTest, GivesItsWeightBack) { EXPECT_TRUE(at::equal(Make().weight(), weight_)); }

TEST_P(ConvolutionTest, IsDifferentiable) {
  const Convolution convolution = Make();
  const c10::AutoGradMode enabled(true);
  const at::Tensor x = x_.clone().requires_grad_();
  for (const ConvolutionGeometry& geometry :
       {geometry_, ConvolutionGeometry{.stride = 4, .padding = 2, .dilation = 2}}) {
    const at::Tensor y = convolution.Forward(x, geometry, no_patches_);
    const at::Tensor factor = at::randn_like(y, c10::TensorOptions().requires_grad(false));
    const at::Tensor exact_x = x_.to(at::kDouble).requires_grad_();
    x.mutable_grad() = at::Tensor();
    y.backward(factor);
    Exact(exact_x, geometry).backward(factor.to(at::kDouble));
    EXPECT_LE(RelativeError(x.grad(), exact_x.grad()), x.scalar_type() == at::kFloat ? 1e-5 : 2e-2);
  }
}

TEST_P(ConvolutionTest, KeepsNothingForGradients) {
  const Convolution convolution = Make();
  const c10::AutoGradMode enabled(true);
  const at::Tensor x = x_.clone().requires_grad_();
  const at::Tensor input = x * 2;
  const size_t holders = input.use_count();
  const at::Tensor y = convolution.Forward(input, no_patches_);
  EXPECT_EQ(input.use_count(), holders);
  weights_.scope().sites().Storage(convolution.site())->LetGo();
  EXPECT_THROW(y.sum().backward(), c10::Error);
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, ConvolutionTest,
    testing::Combine(testing::Values(at::kFloat, at::kBFloat16),
                     testing::Values(Sizes{1, 4, 32, 8, 8, 3, 1}, Sizes{2, 33, 17, 9, 13, 3, 1},
                                     Sizes{3, 64, 64, 7, 7, 3, 2}, Sizes{2, 48, 20, 5, 9, 1, 1},
                                     Sizes{4, 9, 5, 11, 6, 3, 1}, Sizes{1, 3, 8, 16, 16, 1, 2},
                                     Sizes{2, 96, 96, 16, 16, 3, 1})));

}  // namespace
}  // namespace patchbay
