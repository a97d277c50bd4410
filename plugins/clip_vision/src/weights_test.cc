#include "plugins/clip_vision/src/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/testing/refusal.h"

namespace clip_vision {
namespace {

using patchbay::Refusal;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(WeightsTest, ReadsAsFp32) {
  const Weights weights("file", {{"a", at::ones({2, 3}, at::kHalf)}, {"b", at::ones({})}});
  EXPECT_THAT(weights.names(), ElementsAre("a", "b"));
  EXPECT_TRUE(weights.Has("a"));
  EXPECT_EQ(weights.Side("a", 1), 3);
  EXPECT_TRUE(at::equal(weights.Read("a", {2, 3}), at::ones({2, 3})));
  EXPECT_EQ(weights.Read("b", {}).item<float>(), 1);
}

TEST(WeightsTest, NamesFileAndTensor) {
  const Weights weights("file", {{"a", at::ones({2, 3})}, {"n", at::ones({2}, at::kLong)}});
  EXPECT_THAT(Refusal([&] { weights.Read("b", {1}); }),
              AllOf(HasSubstr("file"), HasSubstr("no tensor \"b\"")));
  EXPECT_THAT(Refusal([&] {
                weights.Read("a", {3, 2});
              }),
              HasSubstr("file: \"a\" is 2x3 and not 3x2"));
  EXPECT_THAT(Refusal([&] { weights.Read("n", {2}); }), HasSubstr("no real numbers"));
  EXPECT_THAT(Refusal([&] { weights.Side("a", 2); }), HasSubstr("too few dimensions"));
}

TEST(WeightsTest, JoinsFilesAndNamesTheirTensorsWhole) {
  const Weights first("first", {{"tower.a", at::ones({2}, at::kBFloat16)}});
  const Weights second("second", {{"tower.b", at::zeros({3})}, {"c", at::ones({1})}});
  const Weights tower = Weights::Joined("both", {first, second}).Under("tower.");
  EXPECT_THAT(tower.names(), ElementsAre("a", "b"));
  EXPECT_EQ(tower.ReadStored("a", {2}).scalar_type(), at::kBFloat16);
  EXPECT_TRUE(at::equal(tower.Read("b", {3}), at::zeros({3})));
  EXPECT_FALSE(tower.Has("c"));
  EXPECT_THAT(Refusal([&] { tower.Read("c", {1}); }), HasSubstr("both has no tensor \"tower.c\""));
  EXPECT_THAT(Refusal([&] {
                Weights::Joined("both", {first, first});
              }),
              AllOf(HasSubstr("tower.a"), HasSubstr("leave one of them")));
}

}  // namespace
}  // namespace clip_vision
