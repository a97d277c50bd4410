#include "plugins/moma/src/reference_keys.h"

#include <gtest/gtest.h>

#include <limits>

namespace moma {
namespace {

using image_prompt::Attended;
using image_prompt::KeysAndValues;

constexpr int64_t kHeads = 2;
constexpr int64_t kChannels = 8;

SelfWeights Weights() {
  return {at::randn({kChannels, kChannels}), at::randn({kChannels, kChannels}), 0.5};
}

// The published form: all keys, with a bias for each.
at::Tensor Published(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values,
                     const at::Tensor& bias) {
  const auto split = [](const at::Tensor& rows) {
    return rows.view({rows.size(0), rows.size(1), kHeads, -1}).transpose(1, 2);
  };
  const at::Tensor logits =
      at::matmul(split(query), split(keys).transpose(2, 3)) / std::sqrt(kChannels / kHeads) + bias;
  return at::matmul(at::softmax(logits, -1), split(values)).transpose(1, 2).reshape(query.sizes());
}

class ReferenceKeysTest : public testing::Test {
 protected:
  const SelfWeights weights_ = Weights();
  const at::Tensor key_ = at::randn({1, 6, kChannels});
  const at::Tensor value_ = at::randn({1, 6, kChannels});
  const at::Tensor query_ = at::randn({2, 4, kChannels});
  const std::vector<patchbay_row_role> roles_ = {PATCHBAY_ROW_UNCONDITIONAL,
                                                 PATCHBAY_ROW_CONDITIONAL};
  const at::Tensor all_keys_ = at::linear(key_, weights_.keys).expand({2, -1, -1});
  const at::Tensor all_values_ = at::linear(value_, weights_.values).expand({2, -1, -1});
};

TEST_F(ReferenceKeysTest, AttendsToTheSubjectOnly) {
  at::Tensor mask = at::zeros({6}, at::kBool);
  mask[1] = true;
  mask[4] = true;
  const KeysAndValues set = Recorded(weights_, key_, value_, mask, false);
  ASSERT_EQ(set.keys.sizes(), (std::vector<int64_t>{1, 2, kChannels}));
  const at::Tensor term = Attended(set, query_, kHeads, roles_);
  const double lowest = std::numeric_limits<float>::lowest();
  for (const double foreground : {1.0, 0.0}) {  // the authors add 1, which changes nothing
    const at::Tensor bias = at::where(mask, at::full({6}, foreground), at::full({6}, lowest));
    EXPECT_TRUE(at::allclose(term, Published(query_, all_keys_, all_values_, bias), 1e-5, 1e-6));
  }
}

TEST_F(ReferenceKeysTest, LeavesGridsWithoutTheSubjectOut) {
  const at::Tensor nowhere = at::zeros({6}, at::kBool);
  EXPECT_FALSE(Recorded(weights_, key_, value_, nowhere, false).keys.defined());
  // In the authors' code every bias is then the same, and so large that no logit is left.
  const at::Tensor term =
      Attended(Recorded(weights_, key_, value_, nowhere, true), query_, kHeads, roles_);
  const at::Tensor bias = at::full({6}, std::numeric_limits<float>::lowest());
  EXPECT_TRUE(at::allclose(term, Published(query_, all_keys_, all_values_, bias), 1e-5, 1e-6));
}

TEST_F(ReferenceKeysTest, RowsHaveTheirOwnTokens) {
  const KeysAndValues sets = {at::randn({2, 4, kChannels}), at::randn({2, 4, kChannels})};
  const at::Tensor term = Attended(sets, query_, kHeads, roles_);
  EXPECT_TRUE(
      at::allclose(term, Published(query_, sets.keys, sets.values, at::zeros({4})), 1e-5, 1e-6));
  const std::vector<patchbay_row_role> both(2, PATCHBAY_ROW_CONDITIONAL);
  const at::Tensor conditional = Attended(sets, query_, kHeads, both);
  EXPECT_TRUE(at::allclose(conditional[1], term[1]));
  EXPECT_FALSE(at::allclose(conditional[0], term[0]));
}

}  // namespace
}  // namespace moma
