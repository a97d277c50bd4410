// What the example plugins compute.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "host/validator/trial.h"

namespace patchbay {
namespace {

using testing::HasSubstr;

// An example with these settings, hung on the tiny model.
class Example {
 public:
  Example(const std::string& id, const std::string& settings)
      : subject_{EXAMPLES_FOLDER "/" + id, ReadPluginFolder(EXAMPLES_FOLDER "/" + id), "",
                 settings} {
    auto trial = Trial::Open(subject_, place_);
    if (!trial.ok()) throw std::runtime_error(trial.status().ToString());
    trial_ = *std::move(trial);
    chain_ = trial_->Attach().value();
    step_.struct_size = sizeof(step_);
    step_.step_count = 3;
  }

  const SamplingHooks& hooks() const { return chain_->hooks().sampling; }
  Evaluation At(int32_t index) {
    step_.index = index;
    return {step_, {&plugin_, 1}};
  }

 private:
  Place place_;
  Subject subject_;
  std::unique_ptr<Trial> trial_;
  std::shared_ptr<const Chain> chain_;
  patchbay_step step_{};
  PluginInPass plugin_;
};

PredictionSet Predictions(const at::Tensor& conditional, const at::Tensor& guided) {
  PredictionSet set;
  set.latent = at::zeros_like(guided);
  set.sigma = 2.0;
  set.conditional = conditional;
  set.unconditional = at::zeros_like(guided);
  set.guided = guided;
  return set;
}

TEST(ExamplesTest, RisingGuidanceGrowsFromStartToEnd) {
  Example example("rising-guidance", "start=0.2,end=0.8");
  const PredictionSet set = Predictions(at::zeros({1, 4, 2, 2}), at::ones({1, 4, 2, 2}));
  // Shares of the way from the conditional to the guided prediction at steps 0, 1 and 2 of 3.
  for (const auto& [step, share] : {std::pair{0, 0.2}, std::pair{1, 0.5}, std::pair{2, 0.8}}) {
    const at::Tensor edited = example.hooks().guidance.at(0)(example.At(step), set);
    EXPECT_TRUE(at::allclose(edited, at::full({1, 4, 2, 2}, share))) << edited;
  }
}

TEST(ExamplesTest, LatentLimitCutsOffAtBothEnds) {
  Example example("latent-limit", "limit=2");
  const at::Tensor guided = at::tensor({-10.0f, -1.5f, 0.0f, 7.0f}).view({1, 1, 2, 2});
  const at::Tensor edited =
      example.hooks().guidance.at(0)(example.At(0), Predictions(guided, guided));
  EXPECT_TRUE(at::equal(edited, at::tensor({-2.0f, -1.5f, 0.0f, 2.0f}).view({1, 1, 2, 2})));
}

TEST(ExamplesTest, PredictionNormLogsTheRootOfTheMeanSquare) {
  Example example("prediction-norm", "every=2");
  // Not dense in memory: rows of every other element.
  const at::Tensor guided = at::full({1, 1, 2, 4}, 3.0).slice(3, 0, 4, 2);
  const PredictionSet last = Predictions(guided, guided);
  const auto log = [&](int32_t step) {
    int32_t next = step + 1;
    testing::internal::CaptureStderr();
    const at::Tensor edited =
        example.hooks().after_step.at(0)(example.At(step), at::zeros({1, 1, 2, 2}), last, next);
    EXPECT_EQ(next, step + 1);
    EXPECT_TRUE(!edited.defined() || at::equal(edited, at::zeros({1, 1, 2, 2})));
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(log(0), HasSubstr("step 1 of 3: sigma 2, prediction 3"));
  EXPECT_EQ(log(1), "");
  EXPECT_THAT(log(2), HasSubstr("step 3 of 3"));
}

}  // namespace
}  // namespace patchbay
