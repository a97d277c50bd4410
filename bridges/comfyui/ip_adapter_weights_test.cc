#include "bridges/comfyui/ip_adapter_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/status/status.h"

namespace patchbay::comfyui {
namespace {

using testing::DoubleNear;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pointwise;

constexpr double kWeight = 0.8;

std::vector<double> Weights(std::string_view type, const std::string& family = "sd1") {
  const absl::StatusOr<std::vector<double>> weights = IpAdapterBlockWeights(type, kWeight, family);
  EXPECT_TRUE(weights.ok()) << weights.status();
  return weights.ok() ? *weights : std::vector<double>();
}

// As the package writes them: the transformers that see the picture.
std::vector<double> Chosen(const std::map<int, double>& chosen, size_t count) {
  std::vector<double> weights(count);
  for (const auto& [index, weight] : chosen) weights[static_cast<size_t>(index)] = weight;
  return weights;
}

TEST(IpAdapterWeights, AreAlikeWhereNothingElseIsSaid) {
  EXPECT_THAT(Weights("linear"), IsEmpty());
  EXPECT_THAT(Weights("standard", "tiny"), IsEmpty());
}

TEST(IpAdapterWeights, ChooseStyleAndCompositionAsThePackage) {
  EXPECT_EQ(Weights("style transfer", "sdxl"), Chosen({{6, 0.8}}, 11));
  EXPECT_EQ(Weights("composition", "sdxl"), Chosen({{3, 0.8}}, 11));
  EXPECT_EQ(Weights("style and composition", "sdxl"), Chosen({{3, 1.0}, {6, 0.8}}, 11));
  EXPECT_EQ(Weights("composition"), Chosen({{4, 0.2}, {5, 0.8}}, 16));
  std::map<int, double> style;
  for (const int index : {0, 1, 2, 3, 9, 10, 11, 12, 13, 14, 15}) style[index] = 0.8;
  EXPECT_EQ(Weights("style transfer"), Chosen(style, 16));
  style[4] = 0.25;
  style[5] = 1;
  EXPECT_EQ(Weights("style and composition", "sd2"), Chosen(style, 16));
}

TEST(IpAdapterWeights, LeaveTheLayoutOutOfStrongStyle) {
  std::vector<double> expected(16, 0.8);
  expected[4] = expected[5] = 0;
  EXPECT_EQ(Weights("strong style transfer"), expected);
  expected.assign(11, 0.8);
  expected[3] = 0;
  EXPECT_EQ(Weights("strong style transfer", "sdxl"), expected);
}

TEST(IpAdapterWeights, EaseAlongTheNetwork) {
  const std::vector<double> in = Weights("ease in");
  EXPECT_NEAR(in[0], 0.8, 1e-12);
  EXPECT_NEAR(in[15], 0.8 * (0.05 + 0.95 / 16), 1e-12);
  const std::vector<double> out = Weights("ease out");
  EXPECT_NEAR(out[0], 0.8 * 0.05, 1e-12);
  EXPECT_NEAR(out[15], 0.8 * (0.05 + 0.95 * 15 / 16), 1e-12);
  EXPECT_EQ(Weights("prompt is more important"), out);
  const std::vector<double> both = Weights("ease in-out");
  EXPECT_NEAR(both[0], 0.8 * 0.05, 1e-12);
  EXPECT_NEAR(both[8], 0.8, 1e-12);
  EXPECT_NEAR(both[12], 0.8 * (0.05 + 0.95 / 2), 1e-12);
  const std::vector<double> reverse = Weights("reverse in-out", "sdxl");
  EXPECT_NEAR(reverse[0], 0.8, 1e-12);
  EXPECT_NEAR(reverse[5], 0.8 * (0.05 + 0.95 * 0.5 / 5.5), 1e-12);
  EXPECT_NEAR(reverse[8], 0.8 * (0.05 + 0.95 * 2.5 / 5.5), 1e-12);
}

TEST(IpAdapterWeights, WeakenPartsOfTheNetwork) {
  const auto expected = [](size_t inputs, double input, double middle, size_t outputs,
                           double output) {
    std::vector<double> weights(inputs, kWeight * input);
    weights.push_back(kWeight * middle);
    weights.insert(weights.end(), outputs, kWeight * output);
    return weights;
  };
  EXPECT_THAT(Weights("weak input"), Pointwise(DoubleNear(1e-12), expected(6, 0.2, 1, 9, 1)));
  EXPECT_THAT(Weights("weak middle"), Pointwise(DoubleNear(1e-12), expected(6, 1, 0.2, 9, 1)));
  EXPECT_THAT(Weights("weak output", "sdxl"),
              Pointwise(DoubleNear(1e-12), expected(4, 1, 1, 6, 0.2)));
  EXPECT_THAT(Weights("strong middle", "sdxl"),
              Pointwise(DoubleNear(1e-12), expected(4, 0.2, 1, 6, 0.2)));
}

TEST(IpAdapterWeights, AreNotKnownOfOtherNetworks) {
  const absl::StatusOr<std::vector<double>> weights = IpAdapterBlockWeights("ease in", 1, "kolors");
  EXPECT_EQ(weights.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(weights.status().message(), HasSubstr("kolors"));
}

}  // namespace
}  // namespace patchbay::comfyui
