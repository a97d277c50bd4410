#include "plugins/moma/src/subject_mask.h"

#include <gtest/gtest.h>

namespace moma {
namespace {

at::Tensor Line(std::vector<double> numbers) { return at::tensor(numbers, at::kFloat); }

// The mask of one row of queries whose only layer paid this attention.
at::Tensor MaskOf(const at::Tensor& attention, double threshold = 0.2, bool together = false) {
  SubjectMap map;
  map.Add(attention, 1, attention.size(1), 1, attention.size(1));
  return map.Take(threshold, together);
}

TEST(SubjectMaskTest, CutsOffAtTheThreshold) {
  // 0.1 and 0.2 of the most are not above it.
  const at::Tensor mask = MaskOf(Line({0, 1, 2, 5, 10}).unsqueeze(0));
  EXPECT_TRUE(at::allclose(mask[0][0], Line({0, 0, 0, 0.5, 1})));
}

TEST(SubjectMaskTest, HasNoMaskForAConstantMap) {
  const at::Tensor mask = MaskOf(at::full({1, 6}, 0.3));
  EXPECT_TRUE(at::equal(mask, at::zeros({1, 1, 6})));
}

TEST(SubjectMaskTest, AveragesLayersOnOneCanvas) {
  SubjectMap map;
  map.Add(Line({0, 1, 0, 1}).unsqueeze(0), 2, 2, 4, 4);
  map.Add(Line({0, 0, 3, 3}).unsqueeze(0), 2, 2, 4, 4);
  const at::Tensor mask = map.Take(0.2, false)[0];
  EXPECT_EQ(mask[0][0].item<float>(), 0.f);
  EXPECT_EQ(mask[0][3].item<float>(), 0.5f);
  EXPECT_EQ(mask[3][0].item<float>(), 0.5f);
  EXPECT_EQ(mask[3][3].item<float>(), 1.f);
  EXPECT_TRUE(map.is_empty());
}

TEST(SubjectMaskTest, RowsMeetInTheAuthorsCodeOnly) {
  // Layers are stretched row by row; their averages differ in spread.
  const auto mask = [](double unconditional, bool together) {
    SubjectMap map;
    map.Add(at::stack({Line({0, 1, 1, 0}), Line({0, 0, 0.5, 1})}), 2, 2, 2, 2);
    map.Add(at::stack({Line({0, unconditional, 1, 0}), Line({1, 0, 0.5, 0})}), 2, 2, 2, 2);
    return map.Take(0.2, together)[1];
  };
  EXPECT_TRUE(at::equal(mask(1, false), mask(0.1, false)));
  EXPECT_FALSE(at::equal(mask(1, true), mask(1, false)));
}

TEST(SubjectMaskTest, SumsTheAttentionToTokens) {
  const at::Tensor query = at::randn({5, 8});
  const at::Tensor key = at::randn({7, 8});
  at::Tensor expected = at::zeros({5});
  for (int64_t head = 0; head < 2; ++head) {
    const at::Tensor logits =
        at::matmul(query.narrow(1, 4 * head, 4), key.narrow(1, 4 * head, 4).t()) / 2;
    const at::Tensor shares = logits.exp() / logits.exp().sum(1, true);
    expected = expected + (shares.select(1, 1) + shares.select(1, 4)) / 2;
  }
  const at::Tensor tokens = at::tensor(std::vector<int64_t>{1, 4}, at::kLong);
  EXPECT_TRUE(at::allclose(AttentionTo(query, key, 2, tokens), expected, 1e-5, 1e-6));
}

TEST(SubjectMaskTest, StandsAtTheNearestQueries) {
  const at::Tensor mask = at::arange(16).to(at::kFloat).view({1, 4, 4});
  EXPECT_TRUE(at::equal(AtQueries(mask, 2, 2).flatten(), Line({0, 2, 8, 10})));
  EXPECT_EQ(AtQueries(mask, 4, 2).sizes(), (std::vector<int64_t>{1, 8, 1}));
}

}  // namespace
}  // namespace moma
