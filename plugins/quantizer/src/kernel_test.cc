#include "plugins/quantizer/src/kernel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "plugins/quantizer/src/aligned_bytes.h"

namespace quantizer {
namespace {

std::vector<float> Normal(size_t count, float deviation) {
  std::mt19937 generator(7);
  std::normal_distribution<float> normal(0.0f, deviation);
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

// Upper halves of fp32 numbers are bf16 numbers.
std::vector<uint16_t> Halves(const std::vector<float>& values) {
  std::vector<uint16_t> halves(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    uint32_t bits;
    std::memcpy(&bits, &values[i], sizeof(bits));
    halves[i] = static_cast<uint16_t>(bits >> 16);
  }
  return halves;
}

class KernelTest : public testing::Test {
 protected:
  void SetUp() override {
    if (VnniKernel() == nullptr) GTEST_SKIP() << "this processor has no AVX-512 VNNI";
  }
  const Kernel& portable_ = PortableKernel();
};

TEST_F(KernelTest, RangesAndBytesAreEqual) {
  const std::vector<float> values = Normal(131, 3.0f);
  const std::vector<uint16_t> halves = Halves(values);
  for (const Element element : {Element::kFloat, Element::kBFloat16}) {
    const void* const data = element == Element::kFloat ? static_cast<const void*>(values.data())
                                                        : static_cast<const void*>(halves.data());
    Range ours;
    Range theirs;
    portable_.extend(data, element, 131, &ours);
    VnniKernel()->extend(data, element, 131, &theirs);
    EXPECT_EQ(ours.low, theirs.low);
    EXPECT_EQ(ours.high, theirs.high);
    const ByteScale scale = {(ours.high - ours.low) / 300, 120};  // some are clamped
    std::vector<uint8_t> one(131);
    std::vector<uint8_t> other(131);
    EXPECT_TRUE(portable_.quantize(data, element, 131, scale, one.data()));
    EXPECT_TRUE(VnniKernel()->quantize(data, element, 131, scale, other.data()));
    EXPECT_EQ(one, other);
    EXPECT_EQ(*std::max_element(one.begin(), one.end()), 255);
  }
}

TEST_F(KernelTest, BothReportWhatIsNotFinite) {
  for (const float strange : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    std::vector<float> values = Normal(40, 1.0f);
    values[37] = strange;
    std::vector<uint8_t> bytes(40);
    for (const Kernel* kernel : {&portable_, VnniKernel()}) {
      Range range;
      kernel->extend(values.data(), Element::kFloat, 40, &range);
      EXPECT_FALSE(std::isfinite(range.high)) << kernel->name;
      EXPECT_FALSE(kernel->quantize(values.data(), Element::kFloat, 40, {1, 0}, bytes.data()))
          << kernel->name;
    }
  }
}

TEST_F(KernelTest, ProductsAreEqual) {
  constexpr int64_t kInputs = 20;
  constexpr int64_t kTaps = 3;
  constexpr int64_t kStride = kPanel + 3;
  std::mt19937 generator(3);
  AlignedBytes<int8_t> weights(kTaps * kInputs * kPanel);
  std::generate_n(weights.data(), weights.size(), [&] { return static_cast<int8_t>(generator()); });
  std::vector<uint8_t> bytes(kTileRows * kTaps * kInputs);
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<uint8_t>(generator()); });
  const std::vector<int64_t> taps = {0, kInputs, 2 * kInputs};
  std::vector<int32_t> weight_sum(kPanel);
  std::iota(weight_sum.begin(), weight_sum.end(), -30);
  const std::vector<float> weight_step = Normal(kPanel, 0.01f);
  const std::vector<float> bias = Normal(kPanel, 1.0f);
  for (int64_t rows = 1; rows <= kTileRows; ++rows) {
    std::vector<std::vector<float>> outputs;
    for (const Kernel* kernel : {&portable_, VnniKernel()}) {
      for (const bool in_parts : {false, true}) {
        std::vector<float> output(kTileRows * kStride, -1.0f);
        std::vector<int32_t> sums(kTileRows * kPanel);
        Tile tile = {.rows = {},
                     .scale = {},
                     .row_count = rows,
                     .taps = taps.data(),
                     .tap_count = in_parts ? 1 : kTaps,
                     .inputs = kInputs,
                     .weights = weights.data(),
                     .sums = in_parts ? sums.data() : nullptr,
                     .is_first = true,
                     .is_last = !in_parts,
                     .weight_step = weight_step.data(),
                     .weight_sum = weight_sum.data(),
                     .bias = bias.data(),
                     .columns = 50,
                     .output = output.data(),
                     .output_stride = kStride,
                     .element = Element::kFloat};
        for (int64_t i = 0; i < kTileRows; ++i) {
          tile.rows[i] = bytes.data() + std::min(i, rows - 1) * kTaps * kInputs;
          tile.scale[i] = {0.1f * static_cast<float>(i + 1), static_cast<int32_t>(40 * i)};
        }
        kernel->multiply(tile);
        if (in_parts) {
          tile.is_first = false;
          tile.is_last = true;
          tile.taps += 1;
          tile.tap_count = kTaps - 1;
          tile.weights += kInputs * kPanel;
          kernel->multiply(tile);
        }
        EXPECT_EQ(output[(rows - 1) * kStride + 50], -1.0f) << "written beyond the columns";
        EXPECT_NE(output[(rows - 1) * kStride + 49], -1.0f);
        outputs.push_back(std::move(output));
      }
    }
    for (const std::vector<float>& output : outputs) {
      for (size_t i = 0; i < output.size(); ++i) {
        EXPECT_NEAR(output[i], outputs[0][i], 1e-4f * (1 + std::abs(outputs[0][i])));
      }
    }
  }
}

TEST_F(KernelTest, UnpackedWeightsAreEqual) {
  std::mt19937 generator(5);
  std::vector<uint8_t> packed(3 * kPanel * kGroup / 2);
  for (uint8_t& byte : packed) byte = static_cast<uint8_t>(generator());
  // The product sees integers of 8 bits: 7 x 18 is the largest, and -8 is never stored.
  for (uint8_t& byte : packed) {
    if ((byte & 15) == 0) byte |= 1;
    if ((byte >> 4) == 0) byte |= 16;
  }
  std::vector<uint8_t> scales(kPanel);
  for (size_t i = 0; i < scales.size(); ++i) scales[i] = static_cast<uint8_t>(1 + i % 18);
  std::vector<int8_t> one(3 * kPanel * kGroup);
  std::vector<int8_t> other(one.size());
  portable_.unpack(packed.data(), scales.data(), 3, one.data());
  VnniKernel()->unpack(packed.data(), scales.data(), 3, other.data());
  EXPECT_EQ(one, other);
  EXPECT_EQ(one[4], ((packed[4] & 15) - 8) * 2);  // of the second output
}

TEST(RotationTest, IsItsOwnInverseAndSpreadsAnOutlier) {
  const std::vector<float> values = Normal(128, 1.0f);
  for (const Kernel* kernel : {&PortableKernel(), &BestKernel()}) {
    std::vector<float> once(128);
    std::vector<float> twice(128);
    kernel->rotate(values.data(), Element::kFloat, 128, once.data());
    kernel->rotate(once.data(), Element::kFloat, 128, twice.data());
    for (size_t i = 0; i < 128; ++i) EXPECT_NEAR(twice[i], values[i], 1e-5f);
    std::vector<float> outlier(64);
    outlier[5] = 8;
    std::vector<float> spread(64);
    kernel->rotate(outlier.data(), Element::kFloat, 64, spread.data());
    for (const float value : spread) EXPECT_NEAR(std::abs(value), 1.0f, 1e-6f);
  }
}

}  // namespace
}  // namespace quantizer
