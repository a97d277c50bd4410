#include "plugins/animatediff/src/lora_decay.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace animatediff {
namespace {

void ExpectRows(const at::Tensor& map, const std::vector<std::vector<float>>& rows) {
  ASSERT_EQ(map.size(0), static_cast<int64_t>(rows.size()));
  for (size_t y = 0; y < rows.size(); ++y) {
    const at::Tensor row = map[static_cast<int64_t>(y)];
    EXPECT_TRUE(at::allclose(row, at::tensor(rows[y]), 0, 5e-5)) << "row " << y << ": " << row;
  }
}

// What the authors' formula gives, computed by hand.
TEST(LoraDecayTest, FallsWithTheDistance) {
  ExpectRows(LoraDecay({.left = 4, .right = 4}, {1, 12}, {1, 12}, 0.5),
             {{.1353f, .2231f, .3679f, .6065f, 1, 1, 1, 1, .6065f, .3679f, .2231f, .1353f}});
  ExpectRows(LoraDecay({.left = 4, .right = 2}, {1, 10}, {1, 10}, 1),
             {{.3679f, .4724f, .6065f, .7788f, 1, 1, 1, 1, .7788f, .6065f}});
}

TEST(LoraDecayTest, CornersTakeTheNearerOfTheirAxes) {
  const std::vector<float> outer = {.1353f, .3679f, .1353f, .1353f, .3679f, .1353f};
  const std::vector<float> inner(6, .3679f);
  const std::vector<float> middle = {.1353f, .3679f, 1, 1, .3679f, .1353f};
  ExpectRows(LoraDecay({2, 2, 2, 2}, {6, 6}, {6, 6}, 0.5),
             {outer, inner, middle, middle, inner, outer});
}

TEST(LoraDecayTest, WithoutMarginsOrDecayAllIsOne) {
  EXPECT_TRUE(at::equal(LoraDecay({}, {8, 8}, {4, 4}, 0.5), at::ones({4, 4})));
  constexpr double kNever = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(at::equal(LoraDecay({1, 2, 3, 0}, {8, 8}, {8, 8}, kNever), at::ones({8, 8})));
}

// One side only, at an eighth of the canvas's size and at a size that divides nothing.
TEST(LoraDecayTest, IsTheCanvassMapAtTheGridsSize) {
  const Margins margins = {.right = 32};
  const at::Tensor canvas = LoraDecay(margins, {16, 96}, {16, 96}, 1);
  ExpectRows(LoraDecay(margins, {16, 96}, {2, 12}, 1).narrow(0, 0, 1),
             {{1, 1, 1, 1, 1, 1, 1, 1, canvas[0][64].item<float>(), canvas[0][72].item<float>(),
               canvas[0][80].item<float>(), canvas[0][88].item<float>()}});
  const at::Tensor odd = LoraDecay(margins, {16, 96}, {3, 5}, 1);
  EXPECT_EQ(odd.sizes(), (std::vector<int64_t>{3, 5}));
  EXPECT_EQ(odd[1][4].item<float>(), canvas[0][76].item<float>());
}

}  // namespace
}  // namespace animatediff
