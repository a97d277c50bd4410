#include "plugins/training/src/content_hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace training {
namespace {

std::string HashOf(const std::initializer_list<std::string>& parts) {
  ContentHash hash;
  for (const std::string& part : parts) hash.Add(part);
  return hash.Text();
}

TEST(ContentHashTest, TellsContentsApart) {
  EXPECT_EQ(HashOf({"one", "two"}), HashOf({"one", "two"}));
  const std::set<std::string> texts = {HashOf({}),
                                       HashOf({""}),
                                       HashOf({"one", "two"}),
                                       HashOf({"onet", "wo"}),
                                       HashOf({"onetwo"}),
                                       HashOf({"two", "one"}),
                                       HashOf({std::string("one\0", 4)}),
                                       HashOf({"one"})};
  EXPECT_EQ(texts.size(), 8);
  for (const std::string& text : texts) EXPECT_EQ(text.size(), 16);
}

TEST(ContentHashTest, ReadsTensorsInTheirOrder) {
  const at::Tensor numbers = at::arange(6, at::kFloat).view({2, 3});
  const auto hash_of = [](const at::Tensor& tensor) {
    ContentHash hash;
    hash.Add(tensor);
    return hash.Text();
  };
  EXPECT_EQ(hash_of(numbers.t()), hash_of(numbers.t().contiguous()));
  EXPECT_NE(hash_of(numbers.t()), hash_of(numbers));
}

}  // namespace
}  // namespace training
