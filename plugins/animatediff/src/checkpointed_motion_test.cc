#include "plugins/animatediff/src/checkpointed_motion.h"

#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <string>
#include <vector>

#include "plugins/animatediff/src/motion_test_data.h"
#include "plugins/training/src/adamw.h"
#include "plugins/training/src/content_hash.h"

namespace animatediff {
namespace {

constexpr int64_t kFrames = 3;

class CheckpointedMotionTest : public testing::Test {
 protected:
  CheckpointedMotionTest() {
    at::manual_seed(8);
    lora_ = RandomLora(module_, 2);
    x_ = at::randn({kFrames, 8, 2, 3}, at::kDouble);
    target_ = at::randn_like(x_);
    for (at::Tensor& tensor : TensorsOf(lora_)) tensor.requires_grad_(true);
  }

  using Compute = at::Tensor(const MotionModule&, const at::Tensor&, int64_t, const LoraUse&);
  at::Tensor LossBy(Compute* compute) const {
    return (x_ + compute(module_, x_, kFrames, {&lora_, 8, {}, false}) - target_).square().mean();
  }
  double LossNow() const {
    const c10::AutoGradMode no_gradients(false);
    return LossBy(&AddedMotion).item<double>();
  }

  const MotionFile file_ = RandomMotionFile(8, 4);
  const MotionModule& module_ = *file_.modules.front();
  ModuleLora lora_;
  at::Tensor x_;
  at::Tensor target_;
};

TEST_F(CheckpointedMotionTest, HasTheGradientsOfThePlainOne) {
  x_.requires_grad_(true);
  std::vector<at::Tensor> inputs = TensorsOf(lora_);
  inputs.push_back(x_);
  const at::Tensor plain_loss = LossBy(&AddedMotion);
  const at::Tensor loss = LossBy(&CheckpointedMotion);
  EXPECT_EQ(loss.item<double>(), plain_loss.item<double>());
  const auto plain = torch::autograd::grad({plain_loss}, inputs);
  const auto recomputed = torch::autograd::grad({loss}, inputs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_TRUE(at::allclose(plain[i], recomputed[i], 1e-10, 1e-14)) << i;
    EXPECT_GT(plain[i].abs().max().item<double>(), 0) << i;
  }
}

TEST_F(CheckpointedMotionTest, HasTheGradientsOfFiniteDifferences) {
  const std::vector<at::Tensor> parameters = TensorsOf(lora_);
  const auto gradients = torch::autograd::grad({LossBy(&CheckpointedMotion)}, parameters);
  constexpr double kStep = 1e-5;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor numbers = parameters[i].detach().view(-1);
    for (const int64_t j : {int64_t{0}, numbers.numel() - 1}) {
      const double value = numbers[j].item<double>();
      numbers[j] = value + kStep;
      const double above = LossNow();
      numbers[j] = value - kStep;
      const double below = LossNow();
      numbers[j] = value;
      const double slope = gradients[i].view(-1)[j].item<double>();
      EXPECT_NEAR(slope, (above - below) / (2 * kStep), 1e-3 * std::abs(slope) + 1e-8)
          << "tensor " << i << ", number " << j;
    }
  }
}

TEST_F(CheckpointedMotionTest, TrainingLowersTheLossAndChangesTheLoraAlone) {
  const auto hash_of_module = [&] {
    training::ContentHash hash;
    for (const TemporalLayer& layer : module_.layers) {
      for (const TemporalAttention& attention : layer.attentions) {
        hash.Add(attention.query);
        hash.Add(attention.value);
      }
      hash.Add(layer.feed_out.weight);
    }
    hash.Add(module_.in.weight);
    hash.Add(module_.out.weight);
    return hash.Text();
  };
  const std::string before = hash_of_module();
  const double first = LossNow();
  const std::vector<at::Tensor> parameters = TensorsOf(lora_);
  const at::Tensor untrained = parameters.front().detach().clone();
  training::AdamW adam{.learning_rate = 1e-3};
  adam.Begin(parameters);
  for (int i = 0; i < 20; ++i) {
    std::vector<at::Tensor> gradients =
        torch::autograd::grad({LossBy(&CheckpointedMotion)}, parameters);
    training::ClipNorm(gradients, 1);
    adam.Step(parameters, gradients);
  }
  EXPECT_LT(LossNow(), 0.95 * first);
  EXPECT_EQ(hash_of_module(), before);
  EXPECT_FALSE(at::equal(parameters.front(), untrained));
}

}  // namespace
}  // namespace animatediff
