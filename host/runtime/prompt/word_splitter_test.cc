#include "host/runtime/prompt/word_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// By CLIP's pattern 's|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+ of
// simple_tokenizer.py.
TEST(WordSplitterTest, CutsTextAsClipsPattern) {
  EXPECT_THAT(SplitIntoWords(""), IsEmpty());
  EXPECT_THAT(SplitIntoWords(" a  cat\n"), ElementsAre("a", "cat"));
  EXPECT_THAT(SplitIntoWords("12:30"), ElementsAre("1", "2", ":", "3", "0"));
  EXPECT_THAT(SplitIntoWords("sd1.5!?"), ElementsAre("sd", "1", ".", "5", "!?"));
  EXPECT_THAT(SplitIntoWords("猫cat é½"), ElementsAre("猫cat", "é", "½"));
}

TEST(WordSplitterTest, CutsContractionsOff) {
  EXPECT_THAT(SplitIntoWords("it's they'll don't"),
              ElementsAre("it", "'s", "they", "'ll", "don", "'t"));
  // Also where they are none; within a run of symbols they are not looked for.
  EXPECT_THAT(SplitIntoWords("'really 'cat"), ElementsAre("'re", "ally", "'", "cat"));
  EXPECT_THAT(SplitIntoWords("!'s"), ElementsAre("!'", "s"));
}

}  // namespace
}  // namespace patchbay
