#include "plugins/ip-adapter/src/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/testing/refusal.h"

namespace ip_adapter {
namespace {

using patchbay::Refusal;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Path(const std::string& transformer, int block = 0) {
  return transformer + ".transformer_blocks." + std::to_string(block) + ".attn2";
}

// SDXL's structure, with two blocks a transformer.
std::vector<std::string> XlNames() {
  std::vector<std::string> names;
  for (const char* transformer :
       {"down_blocks.1.attentions.0", "down_blocks.1.attentions.1", "down_blocks.2.attentions.0",
        "down_blocks.2.attentions.1", "mid_block.attentions.0", "up_blocks.0.attentions.0",
        "up_blocks.0.attentions.1", "up_blocks.0.attentions.2", "up_blocks.1.attentions.0"}) {
    names.push_back(Path(transformer, 0));
    names.push_back(Path(transformer, 1));
  }
  return names;
}

std::vector<std::string> Chosen(const std::vector<std::string>& names, patchbay_model_family family,
                                Layers layers) {
  const std::vector<double> weights = LayerWeights(names, family, layers, {});
  std::vector<std::string> chosen;
  for (size_t i = 0; i < names.size(); ++i) {
    if (weights[i] != 0) chosen.push_back(names[i]);
  }
  return chosen;
}

TEST(LayersTest, ChoosesInstantStylesLayers) {
  const auto xl = [](Layers layers) { return Chosen(XlNames(), PATCHBAY_MODEL_SDXL, layers); };
  EXPECT_EQ(xl(Layers::kAll), XlNames());
  EXPECT_THAT(xl(Layers::kStyle), ElementsAre(Path("up_blocks.0.attentions.1", 0),
                                              Path("up_blocks.0.attentions.1", 1)));
  EXPECT_THAT(xl(Layers::kLayout), Each(HasSubstr("down_blocks.2.attentions.1.")));
  EXPECT_EQ(xl(Layers::kStyleAndLayout).size(), 4u);
  const std::vector<std::string> small = {
      Path("down_blocks.1.attentions.0"), Path("down_blocks.2.attentions.0"),
      Path("mid_block.attentions.0"), Path("up_blocks.1.attentions.2"),
      Path("up_blocks.2.attentions.0")};
  EXPECT_THAT(Chosen(small, PATCHBAY_MODEL_SD1, Layers::kStyle), ElementsAre(small[3]));
  EXPECT_THAT(Chosen(small, PATCHBAY_MODEL_SD1, Layers::kLayout), ElementsAre(small[1], small[2]));
}

TEST(LayersTest, WeighsTransformers) {
  std::vector<double> weights(9, 1.0);
  weights[3] = 0.25;
  weights[6] = 0;
  const std::vector<double> result =
      LayerWeights(XlNames(), PATCHBAY_MODEL_SDXL, Layers::kAll, weights);
  EXPECT_EQ(result[6], 0.25);
  EXPECT_EQ(result[7], 0.25);
  EXPECT_EQ(result[8], 1);
  EXPECT_EQ(result[12], 0);
}

TEST(LayersTest, SaysWhatDoesNotFit) {
  EXPECT_THAT(Refusal([] {
                LayerWeights(XlNames(), PATCHBAY_MODEL_SDXL, Layers::kAll, {1, 2});
              }),
              AllOf(HasSubstr("block_weights: there are 2 numbers, and the model has 9"),
                    HasSubstr("mid_block.attentions.0")));
  EXPECT_THAT(Refusal([] { LayerWeights(XlNames(), PATCHBAY_MODEL_OTHER, Layers::kStyle, {}); }),
              HasSubstr("not known"));
}

}  // namespace
}  // namespace ip_adapter
