#include "host/runtime/checkpoint/weight_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace patchbay {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

WeightReader MakeReader(at::ScalarType precision = at::kFloat) {
  WeightMap weights;
  weights["a.weight"] = {at::arange(6, at::kFloat).reshape({2, 3}), nullptr};
  weights["b.weight"] = {at::ones({4, 2, 1, 1}, at::kHalf), nullptr};
  weights["left.position_ids"] = {at::zeros({3}, at::kLong), nullptr};
  return WeightReader("the U-Net of x", std::move(weights), precision, at::kCPU);
}

std::string Complaint(const WeightReader& reader) { return std::string(reader.Finish().message()); }

TEST(WeightReader, ConvertsToThePrecision) {
  WeightReader reader = MakeReader(at::kBFloat16);
  const at::Tensor weight = reader.Read("a.weight", {2, -1});
  EXPECT_EQ(weight.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(at::equal(weight.to(at::kFloat), reader.weights().at("a.weight").tensor));
}

TEST(WeightReader, RefusesWholeNumbersByName) {
  WeightReader reader = MakeReader();
  reader.Read("left.position_ids", {3});
  EXPECT_THAT(Complaint(reader), AllOf(HasSubstr("whole numbers"), HasSubstr("left.position_ids")));
}

TEST(WeightReader, SaysAnyWhereEverySizeWouldDo) {
  WeightReader reader = MakeReader();
  reader.Read("a.weight", {4, -1});
  EXPECT_THAT(Complaint(reader), HasSubstr("a.weight is [2, 3] and should be [4, any]"));
}

TEST(WeightReader, NeverHandsOutTheFileItself) {
  WeightReader reader = MakeReader();
  reader.Read("a.weight", {2, 3}).zero_();
  EXPECT_EQ(reader.weights().at("a.weight").tensor.sum().item<float>(), 15);
}

TEST(WeightReader, LendsTheSameMemoryAgain) {
  WeightReader reader = MakeReader(at::kBFloat16);
  const at::Tensor first = reader.Lend("b.weight", {4, 2, 1, 1});
  EXPECT_EQ(first.sum().item<float>(), 8);
  const at::Tensor second = reader.Lend("a.weight", {2, 3});
  EXPECT_EQ(second.data_ptr(), first.data_ptr());
  EXPECT_TRUE(at::equal(second.to(at::kFloat), reader.weights().at("a.weight").tensor));
  EXPECT_THAT(Complaint(reader), Not(HasSubstr(".weight")));
}

// Rows of one Q8_0 block each with a scale of 1, and the numbers that they stand for.
struct QuantizedRows {
  std::vector<std::byte> bytes;
  at::Tensor values = at::arange(64, at::kFloat).reshape({2, 32});

  QuantizedRows() {
    for (int64_t i = 0; i < values.numel(); ++i) {
      if (i % 32 == 0) bytes.insert(bytes.end(), {std::byte{0x00}, std::byte{0x3c}});
      bytes.push_back(static_cast<std::byte>(i));
    }
  }
};

TEST(WeightReader, ReadsWhatBlocksStandFor) {
  const QuantizedRows rows;
  for (const at::ScalarType precision : {at::kFloat, at::kBFloat16}) {
    WeightMap weights;
    weights["q.weight"] =
        ViewStoredWeight(GgufTensor{GgufType::kQ8_0, {2, 32}, rows.bytes}, nullptr);
    WeightReader reader("the U-Net of x", std::move(weights), precision, at::kCPU);
    const at::Tensor own = reader.Read("q.weight", {2, 32});
    EXPECT_EQ(own.scalar_type(), precision);
    EXPECT_TRUE(at::equal(own.to(at::kFloat), rows.values));
    EXPECT_TRUE(at::equal(reader.Lend("q.weight", {2, 32}).to(at::kFloat), rows.values));
    EXPECT_EQ(reader.Read("q.weight", {2, 32, 1, 1}).dim(), 4);
    reader.SetAdjustment([](const std::string&) { return true; },
                         [](const std::string&, const at::Tensor& weight) { return weight * 2; });
    EXPECT_TRUE(at::equal(reader.Read("q.weight", {2, 32}).to(at::kFloat), rows.values * 2));
    EXPECT_TRUE(reader.Finish().ok());
  }
}

TEST(WeightReader, LendsWhatWasAdjusted) {
  WeightReader reader = MakeReader();
  reader.SetAdjustment([](const std::string& name) { return name == "a.weight"; },
                       [](const std::string&, const at::Tensor& weight) { return weight * 2; });
  EXPECT_EQ(reader.Lend("a.weight", {2, 3}).sum().item<float>(), 30);
}

TEST(WeightReader, TakesALinearLayerForAPointwiseConvolution) {
  WeightReader reader = MakeReader();
  EXPECT_EQ(reader.Read("b.weight", {4, 2}).sizes(), at::IntArrayRef({4, 2}));
  EXPECT_EQ(reader.Read("a.weight", {2, 3, 1, 1}).sizes(), at::IntArrayRef({2, 3, 1, 1}));
}

TEST(WeightReader, NamesWhatIsMissingMisshapenAndLeftOver) {
  WeightReader reader = MakeReader();
  EXPECT_EQ(reader.Read("c.weight", {2, -1}).sizes(), at::IntArrayRef({2, 1}));
  EXPECT_EQ(reader.Read("a.weight", {5, 3}).sizes(), at::IntArrayRef({5, 3}));
  EXPECT_FALSE(reader.ReadOptional("d.bias", {1}).defined());
  EXPECT_THAT(Complaint(reader),
              AllOf(HasSubstr("the U-Net of x"), HasSubstr("missing: c.weight"),
                    HasSubstr("a.weight is [2, 3] and should be [5, 3]"),
                    HasSubstr("not part of such a model: b.weight, left.position_ids"),
                    Not(HasSubstr("d.bias"))));
}

TEST(WeightReader, AllowsNamedExtras) {
  WeightReader reader = MakeReader();
  reader.AllowUnread([](std::string_view name) { return name.ends_with("position_ids"); });
  reader.Read("a.weight", {2, 3});
  reader.Read("b.weight", {4, 2});
  EXPECT_TRUE(reader.Finish().ok());
}

TEST(WeightReader, AdjustsInFullPrecision) {
  WeightReader reader = MakeReader(at::kHalf);
  at::ScalarType seen = at::kHalf;
  reader.SetAdjustment([](const std::string& name) { return name == "b.weight"; },
                       [&seen](const std::string&, const at::Tensor& weight) {
                         seen = weight.scalar_type();
                         return weight * 3;
                       });
  EXPECT_EQ(reader.Read("b.weight", {4, 2}).sum().item<float>(), 24);
  EXPECT_EQ(reader.Read("a.weight", {2, 3}).sum().item<float>(), 15);
  EXPECT_EQ(seen, at::kFloat);
}

}  // namespace
}  // namespace patchbay
