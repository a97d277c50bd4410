#include "host/validator/lent_tensor.h"

#include <gtest/gtest.h>

namespace patchbay {
namespace {

TEST(LentTensorTest, HoldsWhatTheOriginalHolds) {
  const at::Tensor original = at::randn({2, 3, 4, 5});
  for (const Lending lending : {Lending::kAsItIs, Lending::kGuarded, Lending::kStrided}) {
    const LentTensor lent(original, lending);
    EXPECT_TRUE(at::equal(lent.tensor(), original));
    EXPECT_TRUE(lent.IsUnchanged());
    EXPECT_TRUE(lent.IsSurroundingUnchanged());
  }
  EXPECT_FALSE(LentTensor(original, Lending::kStrided).tensor().is_contiguous());
  EXPECT_FALSE(LentTensor(at::Tensor(), Lending::kGuarded).tensor().defined());
}

TEST(LentTensorTest, KeepsChannelsLast) {
  const at::Tensor original = at::randn({2, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast);
  const LentTensor lent(original, Lending::kGuarded);
  EXPECT_EQ(lent.tensor().strides(), original.strides());
}

TEST(LentTensorTest, SeesWritesToItsElements) {
  const at::Tensor original = at::randn({1, 64, 1, 1}).contiguous(at::MemoryFormat::ChannelsLast);
  const LentTensor lent(original, Lending::kGuarded);
  lent.tensor().data_ptr<float>()[63] += 1;
  EXPECT_FALSE(lent.IsUnchanged());
  EXPECT_TRUE(lent.IsSurroundingUnchanged());
}

TEST(LentTensorTest, SeesWritesAroundThem) {
  for (const int64_t offset : {-1, -200, 120, 300}) {
    const LentTensor lent(at::randn({2, 3, 4, 5}), Lending::kGuarded);
    lent.tensor().data_ptr<float>()[offset] = 1.0f;
    EXPECT_TRUE(lent.IsUnchanged());
    EXPECT_FALSE(lent.IsSurroundingUnchanged()) << offset;
  }
  // Between the elements of a tensor that is not dense.
  const LentTensor lent(at::randn({8}), Lending::kStrided);
  lent.tensor().data_ptr<float>()[1] = 1.0f;
  EXPECT_TRUE(lent.IsUnchanged());
  EXPECT_FALSE(lent.IsSurroundingUnchanged());
}

}  // namespace
}  // namespace patchbay
