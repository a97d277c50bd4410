#include "host/runtime/checkpoint/integer_weight.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "host/formats/safetensors.h"
#include "host/runtime/checkpoint/integer_weight_file.h"

namespace patchbay {
namespace {

TEST(IntegerWeight, EightBitsAreTimesAStep) {
  IntegerWeight weight;
  weight.shape = {2, 3, 2, 2};
  weight.parts = {{3, at::arange(24, at::kChar).view({2, 4, 3}), at::tensor({0.5f, 2.0f}), {}}};
  const at::Tensor values = weight.Values();
  ASSERT_EQ(values.sizes(), weight.shape);
  // Output 1, input 2, the position in the second row and first column.
  EXPECT_EQ(values[1][2][1][0].item<float>(), 2.0f * (12 + 2 * 3 + 2));
  EXPECT_EQ(weight.ByteCount(), 24 + 8);
}

TEST(IntegerWeight, FourBitsHaveMultiplesAndLieTwoInAByte) {
  IntegerWeight weight;
  weight.shape = {1, 65};
  weight.bits = 4;
  at::Tensor integers = at::full({1, 1, 33}, 0x88, at::kByte);
  integers[0][0][0] = 0xf1;  // -7 and 7
  integers[0][0][32] = 0x83;
  weight.parts = {
      {65, integers, at::tensor({0.25f}), at::tensor({2, 18}, at::kByte).view({1, 1, 2})}};
  at::Tensor expected = at::zeros({1, 65});
  expected[0][0] = -7 * 2 * 0.25;
  expected[0][1] = 7 * 2 * 0.25;
  expected[0][64] = -5 * 18 * 0.25;
  EXPECT_TRUE(at::equal(weight.Values(), expected));
}

TEST(IntegerWeight, PartsLieSideBySide) {
  IntegerWeight weight;
  weight.shape = {1, 3};
  weight.parts = {{1, at::ones({1, 1, 1}, at::kChar), at::tensor({3.0f}), {}},
                  {2, at::ones({1, 1, 2}, at::kChar), at::tensor({5.0f}), {}}};
  EXPECT_TRUE(at::equal(weight.Values(), at::tensor({3.0f, 5.0f, 5.0f}).view({1, 3})));
}

TEST(IntegerWeight, RotatedOnesAreTurnedBack) {
  IntegerWeight weight;
  weight.shape = {1, 64};
  weight.rotated = true;
  at::Tensor one = at::zeros({1, 1, 64}, at::kChar);
  one[0][0][3] = 64;
  weight.parts = {{64, one, at::tensor({1.0f}), {}}};
  // Row 3 of h x h x h: +-8, with h's last row first.
  const at::Tensor values = weight.Values();
  EXPECT_TRUE(at::equal(values.abs(), at::full({1, 64}, 8.0f)));
  EXPECT_EQ(values[0][0].item<float>(), -8.0f);
  EXPECT_EQ(values[0][3].item<float>(), 8.0f);
}

class IntegerWeightFileTest : public testing::Test {
 protected:
  IntegerWeightFileTest()
      : path_((std::filesystem::temp_directory_path() /
               absl::StrCat("integer-weights-", getpid(), ".safetensors"))
                  .string()) {}
  ~IntegerWeightFileTest() override { std::filesystem::remove(path_); }

  // A file with one weight of two outputs and three inputs.
  static std::string Integers(const std::string& entry, ElementType type = ElementType::kInt8) {
    static const int8_t kIntegers[] = {1, 2, 3, -4, -5, -6};
    static const float kSteps[] = {0.5f, 2.0f};
    const auto bytes = [](const void* data, size_t size) {
      return absl::MakeConstSpan(static_cast<const std::byte*>(data), size);
    };
    const std::string path =
        (std::filesystem::temp_directory_path() / absl::StrCat("integers-", getpid())).string();
    EXPECT_TRUE(WriteSafetensors(path,
                                 {{"a.weight.0.integers", {type, {2, 1, 3}, bytes(kIntegers, 6)}},
                                  {"a.weight.0.steps",
                                   {ElementType::kFloat32, {2}, bytes(kSteps, sizeof(kSteps))}}},
                                 {{std::string(kIntegerWeightsKey), entry}})
                    .ok());
    std::ifstream file(path, std::ios::binary);
    std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    std::filesystem::remove(path);
    return content;
  }

  static std::string Entry(const std::string& weight) {
    return absl::StrCat(R"({"format": "patchbay-integer-weights/1", "weights": {"a.weight": )",
                        weight, "}}");
  }

  absl::Status Write(const std::string& entry, ElementType type = ElementType::kInt8) const {
    const WeightMap unet = {{"a.weight", {at::ones({2, 3}), nullptr}},
                            {"a.bias", {at::tensor({7.0f, 8.0f}).to(at::kHalf), nullptr}}};
    return WriteIntegerWeights(path_, unet, {Integers(entry, type)}, "the plan");
  }

  const std::string path_;
};

constexpr char kGood[] = R"({"shape": [2, 3], "bits": 8, "rotated": false, "inputs": [3]})";

TEST_F(IntegerWeightFileTest, GivesBackWhatWasWritten) {
  ASSERT_TRUE(Write(Entry(kGood)).ok());
  const auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(HasIntegerWeights(*file));
  const auto content = OpenIntegerWeights(*file);
  ASSERT_TRUE(content.ok()) << content.status();
  ASSERT_EQ(TensorNames(content->tensors), (std::vector<std::string>{"a.bias", "a.weight"}));
  const StoredWeight& weight = content->tensors.at("a.weight");
  EXPECT_EQ(weight.TypeName(), "INT8");
  EXPECT_TRUE(at::equal(weight.Values(),
                        at::tensor({0.5f, 1.0f, 1.5f, -8.0f, -10.0f, -12.0f}).view({2, 3})));
  EXPECT_EQ(content->tensors.at("a.bias").tensor.scalar_type(), at::kHalf);
  EXPECT_EQ(content->metadata.at(std::string(kIntegerPlanKey)), "the plan");
}

TEST_F(IntegerWeightFileTest, SaysWhatIsWrong) {
  const std::pair<std::string, std::string> wrong[] = {
      {"[]", "its entry needs"},
      {R"({"shape": [2, 3], "bits": 2, "rotated": false, "inputs": [3]})",
       "`bits` should be 8 or 4"},
      {R"({"shape": [2], "bits": 8, "rotated": false, "inputs": [3]})", "2 or 4 sizes"},
      {R"({"shape": [2, -3], "bits": 8, "rotated": false, "inputs": [3]})", "no size"},
      {R"({"shape": [2, 4], "bits": 8, "rotated": false, "inputs": [3]})",
       "the parts have 3 inputs"},
      {R"({"shape": [2, 3], "bits": 8, "rotated": false, "inputs": [1, 1, 1]})",
       "one or two parts"},
      {R"({"shape": [2, 3], "bits": 8, "rotated": false, "inputs": [1, 2]})",
       "should be I8 [2, 1, 1]"},
      {R"({"shape": [3, 3], "bits": 8, "rotated": false, "inputs": [3]})",
       "should be I8 [3, 1, 3]"},
      {R"({"shape": [2, 3], "bits": 4, "rotated": false, "inputs": [3]})",
       "should be U8 [2, 1, 2]"},
      {R"({"shape": [1048577, 3], "bits": 8, "rotated": false, "inputs": [3]})", "no size"}};
  for (const auto& [entry, message] : wrong) {
    const absl::Status status = Write(Entry(entry));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << entry;
    EXPECT_NE(status.message().find(message), std::string::npos) << status;
  }
  EXPECT_NE(Write("no JSON").message().find("should be an object"), std::string::npos);
  EXPECT_NE(Write(Entry(kGood), ElementType::kUInt8).message().find("should be I8"),
            std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(IntegerWeightFileTest, RefusesIntegersOfAnotherModel) {
  const WeightMap other = {{"a.weight", {at::ones({2, 4}), nullptr}}};
  EXPECT_NE(WriteIntegerWeights(path_, other, {Integers(Entry(kGood))}, "").message().find("2 x 4"),
            std::string::npos);
  EXPECT_NE(WriteIntegerWeights(path_, {}, {Integers(Entry(kGood))}, "")
                .message()
                .find("no weight of this U-Net"),
            std::string::npos);
}

}  // namespace
}  // namespace patchbay
