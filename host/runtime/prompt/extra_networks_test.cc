#include "host/runtime/prompt/extra_networks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The example in the documentation of ExtraNetwork.activate().
TEST(ExtraNetworksTest, TakesTagsOfAllTypes) {
  const auto result =
      TakeExtraNetworks("1girl, <hypernet:agm:1.1> <extrasupernet:master:12:13:14> <hypernet:ray>");
  EXPECT_EQ(result.text, "1girl,   ");
  EXPECT_THAT(result.tags, ElementsAre(ExtraNetworkTag{"hypernet", "agm", 1.1, 1.1},
                                       ExtraNetworkTag{"extrasupernet", "master", 12, 13},
                                       ExtraNetworkTag{"hypernet", "ray", 1, 1}));
  EXPECT_THAT(result.warnings, ElementsAre(HasSubstr("\"14\"")));
}

// ExtraNetworkLora.activate(): te from the second position or by name, unet from the third, by
// name, or as te.
TEST(ExtraNetworksTest, ReadsWeights) {
  const auto tag = [](std::string_view prompt) {
    const auto result = TakeExtraNetworks(prompt);
    EXPECT_EQ(result.text, "") << prompt;
    EXPECT_THAT(result.warnings, IsEmpty()) << prompt;
    return result.tags.at(0);
  };
  EXPECT_EQ(tag("<lora:a>"), (ExtraNetworkTag{"lora", "a", 1, 1}));
  EXPECT_EQ(tag("<lora:a:0.5>"), (ExtraNetworkTag{"lora", "a", 0.5, 0.5}));
  EXPECT_EQ(tag("<lora:a:0.5:-2>"), (ExtraNetworkTag{"lora", "a", 0.5, -2}));
  EXPECT_EQ(tag("<lora:a:te=0.5>"), (ExtraNetworkTag{"lora", "a", 0.5, 0.5}));
  EXPECT_EQ(tag("<lora:a:unet=0.5>"), (ExtraNetworkTag{"lora", "a", 1, 0.5}));
  EXPECT_EQ(tag("<lora:a:0.1:0.2:te=0.3:unet=0.4>"), (ExtraNetworkTag{"lora", "a", 0.3, 0.4}));
  EXPECT_EQ(tag("<lora:te=2:a b/c.d: .5 >"), (ExtraNetworkTag{"lora", "a b/c.d", 2, 2}));
  EXPECT_EQ(tag("<lora:a=b=c>"), (ExtraNetworkTag{"lora", "a=b=c", 1, 1}));
}

TEST(ExtraNetworksTest, KeepsOrderAndRepetition) {
  const auto result = TakeExtraNetworks("<lora:b:1>x<lyco:a:2>y<lora:b:3>");
  EXPECT_EQ(result.text, "xy");
  EXPECT_THAT(result.tags,
              ElementsAre(ExtraNetworkTag{"lora", "b", 1, 1}, ExtraNetworkTag{"lyco", "a", 2, 2},
                          ExtraNetworkTag{"lora", "b", 3, 3}));
}

TEST(ExtraNetworksTest, LeavesWhatIsNoTag) {
  for (const char* const text : {"", "a < b > c", "<lora>", "<lora:>", "<:a>", "<lora:a",
                                 "<cat-toy:x>", "lora:a>", "<", ">", "< lora:a>"}) {
    const auto result = TakeExtraNetworks(text);
    EXPECT_EQ(result.text, text);
    EXPECT_THAT(result.tags, IsEmpty()) << text;
    EXPECT_THAT(result.warnings, IsEmpty()) << text;
  }
  EXPECT_THAT(TakeExtraNetworks("<a <lora:b>").tags, SizeIs(1));
}

TEST(ExtraNetworksTest, LeavesMalformedTagsWithAWarning) {
  for (const char* const text : {"<lora:a:x>", "<lora:a:1:x>", "<lora:a:te=>", "<lora:a:unet=nan>",
                                 "<lora::1>", "<lora:te=1>", "<lora:a:1e999>"}) {
    const auto result = TakeExtraNetworks(std::string("a ") + text + "b<lora:c>");
    EXPECT_EQ(result.text, std::string("a ") + text + "b");
    EXPECT_THAT(result.tags, SizeIs(1)) << text;
    EXPECT_THAT(result.warnings, ElementsAre(HasSubstr(text)));
  }
}

}  // namespace
}  // namespace patchbay
