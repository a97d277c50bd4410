#include "plugins/training/src/training_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "plugins/testing/refusal.h"

namespace training {
namespace {

using patchbay::Refusal;
using ::testing::HasSubstr;

TEST(TrainingLoopTest, SlopesAreGradients) {
  const at::Tensor used = at::tensor({1.0, 2.0}).requires_grad_(true);
  const at::Tensor unused = at::ones({3}).requires_grad_(true);
  const Slope slope = SlopeOf(used.square().sum(), {used, unused});
  EXPECT_EQ(slope.loss, 5);
  EXPECT_TRUE(at::equal(slope.gradients[0], at::tensor({2.0, 4.0})));
  EXPECT_TRUE(at::equal(slope.gradients[1], at::zeros({3})));
}

TEST(TrainingLoopTest, TheMeanOfSlopesIsThatOfTheMeanLoss) {
  const at::Tensor x = at::tensor({1.0, 2.0}).requires_grad_(true);
  std::vector<Slope> slopes = {SlopeOf(x.square().sum(), {x}), SlopeOf(x.sum(), {x})};
  const Slope mean = MeanOf(std::move(slopes));
  const Slope wanted = SlopeOf((x.square().sum() + x.sum()) / 2, {x});
  EXPECT_EQ(mean.loss, wanted.loss);
  EXPECT_TRUE(at::equal(mean.gradients[0], wanted.gradients[0]));
}

TEST(TrainingLoopTest, WhatIsNotFiniteChangesNothing) {
  const at::Tensor x = at::ones({2});
  AdamW optimizer;
  optimizer.Begin({x});
  const auto descend = [&](double loss, double gradient) {
    return Refusal([&] { Descend({loss, {at::full({2}, gradient)}}, {x}, optimizer); });
  };
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_THAT(descend(infinite, 1), HasSubstr("not finite at step 1"));
  EXPECT_THAT(descend(1, infinite), HasSubstr("choose a smaller learning_rate"));
  EXPECT_TRUE(at::equal(x, at::ones({2})));
  EXPECT_EQ(descend(1, 1), "");
  EXPECT_FALSE(at::equal(x, at::ones({2})));
  EXPECT_EQ(optimizer.steps, 1);
}

// An action whose progress may be cancelled.
class TrainTest : public testing::Test {
 protected:
  TrainTest() {
    functions_.progress = [](const patchbay_action_context* context, double fraction,
                             const char* text) {
      auto* test = static_cast<TrainTest*>(context->host);
      test->fractions_.push_back(fraction);
      test->texts_.emplace_back(text);
    };
    functions_.is_cancelled = [](const patchbay_action_context* context) -> int32_t {
      auto* test = static_cast<TrainTest*>(context->host);
      return static_cast<int64_t>(test->fractions_.size()) >= test->cancelled_at_ ? 1 : 0;
    };
    context_.functions = &functions_;
    context_.host = this;
    optimizer_.Begin({});
  }

  std::string Run(const Course& course) {
    const patchbay::Action action(&context_);
    return Refusal([&] {
      Train(
          action, course, optimizer_,
          [this] {
            ++optimizer_.steps;
            return static_cast<double>(optimizer_.steps);
          },
          [this] { saved_at_.push_back(optimizer_.steps); });
    });
  }

  patchbay_action_functions functions_{};
  patchbay_action_context context_{};
  AdamW optimizer_;
  int64_t cancelled_at_ = 1000;
  std::vector<double> fractions_;
  std::vector<std::string> texts_;
  std::vector<int64_t> saved_at_;
};

TEST_F(TrainTest, MakesTheStepsAndSaves) {
  EXPECT_EQ(Run({5, 2}), "");
  EXPECT_EQ(saved_at_, (std::vector<int64_t>{2, 4, 5}));
  EXPECT_EQ(fractions_, (std::vector<double>{0.2, 0.4, 0.6, 0.8, 1}));
  EXPECT_EQ(texts_[1], "step 2 of 5, loss 2.0000, mean 1.5000");
}

TEST_F(TrainTest, GoesOnWhereItWas) {
  optimizer_.steps = 3;
  EXPECT_EQ(Run({5, 0}), "");
  EXPECT_EQ(saved_at_, (std::vector<int64_t>{5}));
  EXPECT_EQ(fractions_.size(), 2);
  EXPECT_THAT(Run({5, 0}), HasSubstr("has made 5 steps already"));
}

TEST_F(TrainTest, KeepsWhatACancelledOneHas) {
  cancelled_at_ = 2;
  EXPECT_EQ(Run({5, 0}), "cancelled");
  EXPECT_EQ(saved_at_, (std::vector<int64_t>{2}));
}

}  // namespace
}  // namespace training
