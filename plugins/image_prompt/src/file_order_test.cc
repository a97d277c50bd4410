#include "plugins/image_prompt/src/file_order.h"

#include <gtest/gtest.h>

namespace image_prompt {
namespace {

// Stable Diffusion 1.5's transformers in the order in which the network runs, and the numbers of
// their self-attentions in adapters' files.
TEST(FileOrderTest, NumbersStableDiffusionsTransformers) {
  std::vector<patchbay_part> parts(6, PATCHBAY_PART_DOWN);
  parts.push_back(PATCHBAY_PART_MIDDLE);
  parts.insert(parts.end(), 9, PATCHBAY_PART_UP);
  const std::vector<size_t> order = FileOrder(parts);
  ASSERT_EQ(order.size(), 16u);
  EXPECT_EQ(order[0], 0u);    // down_blocks.0.attentions.0: 0
  EXPECT_EQ(order[5], 5u);    // down_blocks.2.attentions.1: 10
  EXPECT_EQ(order[6], 7u);    // up_blocks.1.attentions.0: 12
  EXPECT_EQ(order[14], 15u);  // up_blocks.3.attentions.2: 28
  EXPECT_EQ(order[15], 6u);   // mid_block.attentions.0: 30
}

}  // namespace
}  // namespace image_prompt
