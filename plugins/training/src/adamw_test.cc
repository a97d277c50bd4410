#include "plugins/training/src/adamw.h"

#include <gtest/gtest.h>

#include <cmath>

namespace training {
namespace {

// The first step of Adam moves every number by the learning rate, against its gradient's sign; the
// decay is the parameter's own.
TEST(AdamWTest, MakesItsFirstSteps) {
  const std::vector<at::Tensor> parameters = {at::tensor({1.0, -2.0}, at::kDouble)};
  AdamW adam{.learning_rate = 0.1, .weight_decay = 0.5};
  adam.Begin(parameters);
  adam.Step(parameters, {at::tensor({3.0, -0.01}, at::kDouble)});
  EXPECT_TRUE(at::allclose(parameters[0], at::tensor({0.95 - 0.1, -1.9 + 0.1}, at::kDouble), 1e-5));
  // By hand: m = 0.9 * 0.3 + 0.1 * 1, v = 0.999 * 0.009 + 0.001 * 1.
  adam.Step(parameters, {at::tensor({1.0, 0.0}, at::kDouble)});
  const double m = 0.37 / (1 - 0.81);
  const double v = 0.009991 / (1 - 0.999 * 0.999);
  EXPECT_NEAR(parameters[0][0].item<double>(), 0.85 * 0.95 - 0.1 * m / std::sqrt(v), 1e-6);
  EXPECT_EQ(adam.steps, 2);
}

TEST(AdamWTest, GoesOnFromItsState) {
  const std::vector<at::Tensor> whole = {at::ones({4})};
  const std::vector<at::Tensor> cut = {at::ones({4})};
  const auto gradient = [](int i) { return std::vector<at::Tensor>{at::full({4}, 1.0 / (1 + i))}; };
  AdamW adam;
  adam.Begin(whole);
  for (int i = 0; i < 6; ++i) adam.Step(whole, gradient(i));
  AdamW first;
  first.Begin(cut);
  for (int i = 0; i < 3; ++i) first.Step(cut, gradient(i));
  AdamW second = first;
  for (int i = 3; i < 6; ++i) second.Step(cut, gradient(i));
  EXPECT_TRUE(at::equal(whole[0], cut[0]));
}

TEST(ClipNormTest, ScalesOnlyWhatIsTooLong) {
  const std::vector<at::Tensor> gradients = {at::tensor({3.f}), at::tensor({0.f, 4.f})};
  EXPECT_NEAR(ClipNorm(gradients, 10), 5, 1e-6);
  EXPECT_EQ(gradients[0].item<float>(), 3.f);
  EXPECT_NEAR(ClipNorm(gradients, 1), 5, 1e-6);
  EXPECT_NEAR(gradients[0].item<float>(), 0.6f, 1e-5);
  EXPECT_NEAR(gradients[1][1].item<float>(), 0.8f, 1e-5);
}

}  // namespace
}  // namespace training
