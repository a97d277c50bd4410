#include "plugins/outpainter/src/decay_map.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace outpainter {
namespace {

// A known rectangle on a map.
at::Tensor Known(int64_t height, int64_t width, int64_t top, int64_t left, int64_t rows,
                 int64_t columns) {
  at::Tensor known = at::zeros({1, 1, height, width});
  known.slice(2, top, top + rows).slice(3, left, left + columns).fill_(1);
  return known;
}

void ExpectRows(const at::Tensor& map, const std::vector<std::vector<float>>& rows) {
  ASSERT_EQ(map.size(2), static_cast<int64_t>(rows.size()));
  for (size_t y = 0; y < rows.size(); ++y) {
    const at::Tensor row = map[0][0][static_cast<int64_t>(y)];
    EXPECT_TRUE(at::allclose(row, at::tensor(rows[y]), 0, 5e-5)) << "row " << y << ": " << row;
  }
}

// What the authors' formula gives, computed by hand.
TEST(DecayMapTest, FallsWithTheDistance) {
  ExpectRows(DecayMap(Known(1, 12, 0, 4, 1, 4), 0.5),
             {{.1353f, .2231f, .3679f, .6065f, 1, 1, 1, 1, .6065f, .3679f, .2231f, .1353f}});
  ExpectRows(DecayMap(Known(1, 10, 0, 4, 1, 4), 1),
             {{.3679f, .4724f, .6065f, .7788f, 1, 1, 1, 1, .7788f, .6065f}});
}

TEST(DecayMapTest, CornersTakeTheNearerOfTheirAxes) {
  const std::vector<float> outer = {.1353f, .3679f, .1353f, .1353f, .3679f, .1353f};
  const std::vector<float> inner(6, .3679f);
  const std::vector<float> middle = {.1353f, .3679f, 1, 1, .3679f, .1353f};
  ExpectRows(DecayMap(Known(6, 6, 2, 2, 2, 2), 0.5), {outer, inner, middle, middle, inner, outer});
}

TEST(DecayMapTest, WithoutDecayOrMarginsAllIsOne) {
  const at::Tensor known = Known(5, 7, 1, 2, 2, 3);
  constexpr double kNever = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(at::equal(DecayMap(known, kNever), at::ones_like(known)));
  const at::Tensor all = at::ones({1, 1, 4, 4});
  EXPECT_TRUE(at::equal(DecayMap(all, 0.5), all));
  EXPECT_TRUE(at::equal(DecayMap(known, 0), known));
}

TEST(DecayMapTest, EachFrameHasItsOwnRange) {
  const at::Tensor narrow = Known(6, 8, 1, 1, 4, 6);
  const at::Tensor wide = Known(6, 8, 0, 0, 6, 2);
  const at::Tensor all = at::ones({1, 1, 6, 8});
  const at::Tensor maps = DecayMap(at::cat({narrow, all, wide}), 0.5);
  EXPECT_TRUE(at::allclose(maps.slice(0, 0, 1), DecayMap(narrow, 0.5)));
  EXPECT_TRUE(at::allclose(maps.slice(0, 1, 2), all));
  EXPECT_TRUE(at::allclose(maps.slice(0, 2, 3), DecayMap(wide, 0.5)));
}

// Margins on one side only, and a hole: there the distance is measured along rows and columns.
TEST(DecayMapTest, MeasuresToTheNearestKnownPlace) {
  ExpectRows(DistanceFromKnown(Known(2, 5, 0, 3, 2, 2)), {{3, 2, 1, 0, 0}, {3, 2, 1, 0, 0}});
  ExpectRows(DistanceFromKnown(1 - Known(5, 6, 1, 1, 3, 4)), {{0, 0, 0, 0, 0, 0},
                                                              {0, 1, 1, 1, 1, 0},
                                                              {0, 1, 2, 2, 1, 0},
                                                              {0, 1, 1, 1, 1, 0},
                                                              {0, 0, 0, 0, 0, 0}});
}

}  // namespace
}  // namespace outpainter
