#include "plugins/training/src/saved_training.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/testing/refusal.h"

namespace training {
namespace {

using patchbay::Refusal;
using ::testing::HasSubstr;

TEST(SavedTrainingTest, MomentsComeBack) {
  const std::vector<at::Tensor> parameters = {at::randn({2, 3}), at::randn({4})};
  const std::vector<std::string> names = {"a", "b"};
  AdamW optimizer;
  optimizer.Begin(parameters);
  optimizer.Step(parameters, {at::randn({2, 3}), at::randn({4})});
  std::map<std::string, at::Tensor> tensors;
  AddMoments(names, optimizer, tensors);
  AdamW again;
  ReadMoments(
      [&](const std::string& name, const std::vector<int64_t>& shape) {
        EXPECT_EQ(tensors.at(name).sizes(), shape) << name;
        return tensors.at(name);
      },
      names, parameters, again);
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_TRUE(at::equal(again.first_moments[i], optimizer.first_moments[i]));
    EXPECT_TRUE(at::equal(again.second_moments[i], optimizer.second_moments[i]));
  }
}

TEST(SavedTrainingTest, NumbersAreSpelledWhole) {
  EXPECT_EQ(Spelled(0), "0");
  EXPECT_EQ(Spelled(0.4), "0.4");
  EXPECT_EQ(Spelled(1e-4), "0.0001");
  EXPECT_EQ(Spelled(1e-5), "1e-05");
  EXPECT_EQ(Spelled(0.12345678901234), "0.12345678901234");
}

TEST(SavedTrainingTest, PrecisionsHaveTheNamesOfTheCommandLine) {
  EXPECT_EQ(PrecisionName(at::kFloat), "fp32");
  EXPECT_EQ(PrecisionName(at::kBFloat16), "bf16");
  EXPECT_EQ(PrecisionName(at::kHalf), "fp16");
}

TEST(SavedTrainingTest, ParametersMustBeTheSame) {
  const auto metadata = ParameterMetadata({{"seed", "4"}, {"rank", "8"}});
  const auto check = [&](const std::map<std::string, std::string>& parameters) {
    return Refusal([&] { CheckParameters("resume", "a.st", metadata, parameters); });
  };
  EXPECT_EQ(check({{"seed", "4"}}), "");
  EXPECT_THAT(check({{"seed", "5"}}),
              HasSubstr("resume: a.st was trained with another seed (4, and now it is 5)"));
  EXPECT_THAT(check({{"loss", "whole"}}),
              HasSubstr("resume: a.st holds no training to go on with"));
}

}  // namespace
}  // namespace training
