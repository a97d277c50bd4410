#include "host/runtime/checkpoint/weight_map.h"

#include <gtest/gtest.h>

#include <vector>

namespace patchbay {
namespace {

constexpr int64_t kRows = 6;
constexpr int64_t kColumns = 32;

// Rows of one Q8_0 block each with a scale of 1: row r holds r, r + 1, ...
std::vector<std::byte> Blocks() {
  std::vector<std::byte> bytes;
  for (int64_t row = 0; row < kRows; ++row) {
    bytes.insert(bytes.end(), {std::byte{0x00}, std::byte{0x3c}});  // 1 in fp16
    for (int64_t i = 0; i < kColumns; ++i) bytes.push_back(static_cast<std::byte>(row + i));
  }
  return bytes;
}

TEST(StoredWeight, ComputesTheNumbersOfAView) {
  const std::vector<std::byte> bytes = Blocks();
  const StoredWeight all =
      ViewStoredWeight(GgufTensor{GgufType::kQ8_0, {kRows, kColumns}, bytes}, nullptr);
  const at::Tensor expected =
      at::arange(kRows, at::kFloat).unsqueeze(1) + at::arange(kColumns, at::kFloat);
  EXPECT_TRUE(at::equal(all.Values(), expected));
  EXPECT_EQ(all.ByteCount(), static_cast<int64_t>(bytes.size()));
  EXPECT_EQ(all.TypeName(), "Q8_0");

  const StoredWeight rows = all.SeenAs(all.tensor.narrow(0, 2, 3));
  EXPECT_TRUE(at::equal(rows.Values(), expected.narrow(0, 2, 3)));
  EXPECT_EQ(rows.Values().storage().nbytes(), 3 * kColumns * sizeof(float));
  EXPECT_EQ(rows.ByteCount(), static_cast<int64_t>(bytes.size()) / 2);

  const StoredWeight turned = all.SeenAs(all.tensor.t());
  EXPECT_TRUE(at::equal(turned.Values(), expected.t()));
  EXPECT_TRUE(turned.Values().is_contiguous());
}

TEST(StoredWeight, RefusesToReadAShapeAlone) {
  const std::vector<std::byte> bytes = Blocks();
  const StoredWeight all =
      ViewStoredWeight(GgufTensor{GgufType::kQ8_0, {kRows, kColumns}, bytes}, nullptr);
  EXPECT_ANY_THROW(all.tensor.sum().item<float>());
}

}  // namespace
}  // namespace patchbay
