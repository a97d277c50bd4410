#include "plugins/ip-adapter/src/image_terms.h"

#include <gtest/gtest.h>

namespace ip_adapter {
namespace {

TEST(ImageTermsTest, TogetherTheyShareASoftmax) {
  const at::Tensor keys = at::randn({2, 3, 4, 8});
  const at::Tensor values = at::randn({2, 3, 4, 8});
  const std::vector<ImageTerm> terms =
      MakeTerms(keys, values, {1.0, 0.5, 2.0}, true, {false, false, false});
  ASSERT_EQ(terms.size(), 1u);
  const at::Tensor weighted = values * at::tensor({1.0F, 0.5F, 2.0F}).view({1, 3, 1, 1});
  EXPECT_TRUE(at::equal(terms[0].given.keys, keys.reshape({2, 12, 8})));
  EXPECT_TRUE(at::allclose(terms[0].given.values, weighted.reshape({2, 12, 8})));
}

TEST(ImageTermsTest, ApartEachHasItsOwn) {
  const at::Tensor keys = at::randn({2, 2, 4, 8});
  const at::Tensor values = at::randn({2, 2, 4, 8});
  const std::vector<ImageTerm> terms = MakeTerms(keys, values, {1.0, 0.5}, false, {false, true});
  ASSERT_EQ(terms.size(), 2u);
  EXPECT_EQ(terms[0].mask, -1);
  EXPECT_EQ(terms[1].mask, 1);
  EXPECT_TRUE(at::equal(terms[1].given.keys, keys.select(1, 1)));
  EXPECT_TRUE(at::allclose(terms[1].given.values, 0.5 * values.select(1, 1)));
}

}  // namespace
}  // namespace ip_adapter
