#include "host/formats/moma_layout.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace patchbay {
namespace {

using ::testing::HasSubstr;
using Tensors = std::map<std::string, SafetensorsTensor, std::less<>>;

Tensors Authors(int attentions, const std::string& mapping_module = "mapping.") {
  Tensors tensors;
  for (const char* const name : {"proj.weight", "proj.bias", "norm.weight", "norm.bias"}) {
    tensors["projectors." + std::string(name)];
  }
  for (const char* const name : {"gate", "up", "down"}) {
    tensors["llm_mapping." + mapping_module + name + "_proj.weight"];
  }
  for (int i = 0; i < attentions; ++i) {
    const std::string start = "self_cross_attentions." + std::to_string(i);
    tensors[start + ".to_k_ip.weight"];
    tensors[start + ".to_v_ip.weight"];
    if (i % 2 == 0) tensors[start + ".scale_learnable"];
  }
  return tensors;
}

std::string Complaint(Tensors tensors) {
  std::map<std::string, std::string, std::less<>> metadata;
  const absl::Status status = RenameMoma(tensors, metadata);
  return status.ok() ? "accepted" : std::string(status.message());
}

TEST(MomaLayoutTest, RenamesTheAuthorsFile) {
  for (const char* const module : {"mapping.", ""}) {
    Tensors tensors = Authors(32, module);
    tensors["self_cross_attentions.30.scale_learnable"].shape = {1};
    ASSERT_TRUE(IsMomaFile(tensors));
    std::map<std::string, std::string, std::less<>> metadata;
    ASSERT_TRUE(RenameMoma(tensors, metadata).ok());
    EXPECT_EQ(tensors.size(), 4u + 3u + 64u + 16u);
    EXPECT_EQ(tensors.at("moma.attn.30.scale").shape.size(), 1u);
    for (const char* const name : {"moma.image_proj.norm.bias", "moma.attn.31.to_v_ip.weight",
                                   "moma.llm_mapping.down_proj.weight"}) {
      EXPECT_TRUE(tensors.contains(name)) << name;
    }
    EXPECT_EQ(metadata.at("format"), "moma");
  }
}

TEST(MomaLayoutTest, TellsOtherFilesApart) {
  EXPECT_FALSE(IsMomaFile({{"image_proj.proj.weight", {}}, {"ip_adapter.1.to_k_ip.weight", {}}}));
  EXPECT_FALSE(IsMomaFile({{"projectors.proj.weight", {}}}));
}

TEST(MomaLayoutTest, NamesWhatIsMissingAndWhatIsTooMuch) {
  Tensors tensors = Authors(4);
  tensors.erase("self_cross_attentions.2.scale_learnable");
  EXPECT_THAT(Complaint(tensors), HasSubstr("lacks moma.attn.2.scale;"));
  tensors = Authors(4);
  tensors.erase("self_cross_attentions.3.to_k_ip.weight");
  tensors.erase("self_cross_attentions.3.to_v_ip.weight");
  EXPECT_THAT(Complaint(tensors), HasSubstr("moma.attn.3.to_v_ip.weight"));
  tensors = Authors(4);
  tensors["self_cross_attentions.1.scale_learnable"];
  EXPECT_THAT(Complaint(tensors),
              HasSubstr("no place for self_cross_attentions.1.scale_learnable"));
  tensors = Authors(4);
  tensors["other.weight"];
  EXPECT_THAT(Complaint(tensors), HasSubstr("other.weight"));
  tensors = Authors(4);
  tensors.erase("llm_mapping.mapping.up_proj.weight");
  EXPECT_THAT(Complaint(tensors), HasSubstr("moma.llm_mapping.up_proj.weight"));
}

}  // namespace
}  // namespace patchbay
