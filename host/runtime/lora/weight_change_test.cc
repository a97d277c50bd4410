#include "host/runtime/lora/weight_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

LoraModule Plain(int64_t rank) {
  LoraModule module;
  module.tensors[LoraRole::kDown] = at::ones({rank, 3});
  module.tensors[LoraRole::kUp] = at::full({2, rank}, 2.0);
  return module;
}

TEST(WeightChange, ScalesByAlphaOverRank) {
  LoraModule module = Plain(4);
  EXPECT_EQ(LoraScale(module), 1.0);
  module.metadata_alpha = 8;
  EXPECT_EQ(LoraScale(module), 2.0);
  module.root_rank = true;
  EXPECT_EQ(LoraScale(module), 4.0);
  module.root_rank = false;
  module.tensors[LoraRole::kAlpha] = at::full({}, 1.0, at::kHalf);
  EXPECT_EQ(LoraScale(module), 0.25);
}

// up down = 2 * 4 = 8 everywhere; alpha / rank = 1 / 4; strength 0.5.
TEST(WeightChange, AddsTheProduct) {
  LoraModule module = Plain(4);
  module.tensors[LoraRole::kAlpha] = at::ones({});
  const at::Tensor weight = at::ones({2, 3, 1, 1});
  EXPECT_TRUE(at::equal(ChangedWeight(module, weight, 0.5), at::full({2, 3, 1, 1}, 2.0)));
  EXPECT_TRUE(at::equal(ChangedWeight(module, weight, 0), weight));
}

// V = [3, 4] has length 5; with magnitude 10 it becomes [6, 8]; half-way from W = [1, 1] is
// [3.5, 4.5].
TEST(WeightChange, TurnsAndScalesWithDora) {
  LoraModule module;
  module.tensors[LoraRole::kDiff] = at::tensor({2.0F, 3.0F}).reshape({1, 2});
  module.tensors[LoraRole::kDoraMagnitude] = at::tensor({10.0F});
  const at::Tensor changed = ChangedWeight(module, at::ones({1, 2}), 0.5);
  EXPECT_TRUE(at::allclose(changed, at::tensor({3.5F, 4.5F}).reshape({1, 2})));
}

TEST(WeightChange, ComparesShapesWithoutComputing) {
  EXPECT_THAT(ShapeComplaint(Plain(4), {2, 3}), IsEmpty());
  EXPECT_THAT(ShapeComplaint(Plain(4), {2, 3, 1, 1}), IsEmpty());
  EXPECT_THAT(ShapeComplaint(Plain(4), {3, 2}), HasSubstr("[2, 3], and the model's is [3, 2]"));
  EXPECT_THAT(ShapeComplaint(Plain(4), {2, 27}), HasSubstr("[2, 27]"));
  LoraModule crossed = Plain(4);
  crossed.tensors[LoraRole::kUp] = at::ones({2, 5});
  EXPECT_THAT(ShapeComplaint(crossed, {2, 3}), HasSubstr("do not fit each other"));
  LoraModule two_alphas = Plain(4);
  two_alphas.tensors[LoraRole::kAlpha] = at::ones({2});
  EXPECT_THAT(ShapeComplaint(two_alphas, {2, 3}), HasSubstr("alpha"));
}

}  // namespace
}  // namespace patchbay
