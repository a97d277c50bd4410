#include "plugins/animatediff/src/adaptation_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/animatediff/src/motion_test_data.h"
#include "plugins/testing/refusal.h"

namespace animatediff {
namespace {

using patchbay::Refusal;
using testing::HasSubstr;

using Metadata = std::map<std::string, std::string>;

AdaptationFacts SomeFacts() {
  AdaptationFacts facts;
  facts.rank = 3;
  facts.multiplier = 8;
  facts.base_model = "base";
  facts.module = "module";
  facts.clip = "clip";
  facts.least_mask = 0.1;
  facts.most_mask = 0.35;
  facts.steps = 12;
  facts.shared_noise = true;
  return facts;
}

TEST(AdaptationFileTest, FactsComeBackAsTheyWere) {
  const AdaptationFacts facts = ReadAdaptationFacts("lora", "a.st", MetadataOf(SomeFacts()));
  EXPECT_EQ(facts.rank, 3);
  EXPECT_EQ(facts.multiplier, 8);
  EXPECT_EQ(facts.base_model, "base");
  EXPECT_EQ(facts.least_mask, 0.1);
  EXPECT_EQ(facts.most_mask, 0.35);
  EXPECT_EQ(facts.steps, 12);
  EXPECT_FALSE(facts.groupnorm_over_frames);
  EXPECT_TRUE(facts.shared_noise);
  const Metadata metadata = MetadataOf(SomeFacts());
  for (const std::string& key : AdaptationKeys()) EXPECT_TRUE(metadata.contains(key)) << key;
  EXPECT_EQ(metadata.size(), AdaptationKeys().size());
}

TEST(AdaptationFileTest, RefusesOtherFilesAndDamagedFacts) {
  EXPECT_THAT(Refusal([] { ReadAdaptationFacts("lora", "a.st", {}); }),
              HasSubstr("lora: a.st is nothing that the action \"adapt\" has made"));
  const auto refusal = [](const char* key, const char* value) {
    Metadata metadata = MetadataOf(SomeFacts());
    metadata[key] = value;
    return Refusal([&] { ReadAdaptationFacts("lora", "a.st", metadata); });
  };
  EXPECT_THAT(refusal("rank", "0"), HasSubstr("rank"));
  EXPECT_THAT(refusal("rank", "2.5"), HasSubstr("no whole number"));
  EXPECT_THAT(refusal("rank", "99999999999999999999"), HasSubstr("cannot be"));
  EXPECT_THAT(refusal("multiplier", "nan"), HasSubstr("cannot be"));
  EXPECT_THAT(refusal("module", ""), HasSubstr("has no \"module\""));
}

TEST(AdaptationFileTest, IsForOneModelAndOneModule) {
  const auto refusal = [](const char* base, const char* module) {
    return Refusal([&] { CheckMadeFor("lora", "a.st", SomeFacts(), base, module); });
  };
  EXPECT_EQ(refusal("base", "module"), "");
  EXPECT_THAT(refusal("base", "other"), HasSubstr("made for another motion module"));
  EXPECT_THAT(refusal("other", "module"), HasSubstr("made for another model"));
}

TEST(AdaptationFileTest, LorasComeBackByName) {
  const MotionFile file = RandomMotionFile(8, 4);
  std::vector<ModuleLora> loras = {RandomLora(*file.modules[0], 3)};
  auto tensors = NamedTensors(file, loras);
  EXPECT_EQ(tensors.size(), 14u);
  const std::string place =
      "lora.down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.";
  EXPECT_EQ(tensors.at(place + "ff.net.2.up.weight").sizes(), (std::vector<int64_t>{8, 3}));
  const auto read = [&] {
    return ReadLoras("lora", clip_vision::Weights("a.st", tensors), file, 3);
  };
  const std::vector<at::Tensor> again = TensorsOf(read().front());
  const std::vector<at::Tensor> before = TensorsOf(loras.front());
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_TRUE(at::equal(again[i], before[i].to(at::kFloat))) << i;
  }
  const std::string down = place + "attention_blocks.1.to_q.down.weight";
  tensors[down] = at::zeros({2, 8});
  EXPECT_THAT(Refusal(read), HasSubstr("is 2x8 and not 3x8"));
  tensors.erase(down);
  EXPECT_THAT(Refusal(read), HasSubstr("lora: a.st has no tensor \"" + down + "\""));
}

}  // namespace
}  // namespace animatediff
