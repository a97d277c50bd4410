#include "host/runtime/prompt/byte_pair_encoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "host/runtime/prompt/test_tokenizer.h"

namespace patchbay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

BytePairEncoding WithMerges(const BytePairEncoding::Merges& merges) {
  return *BytePairEncoding::Create(BytePartsWith(merges).vocabulary, merges, -1);
}

std::vector<int32_t> Encode(const BytePairEncoding& encoding, std::string_view word) {
  std::vector<int32_t> ids;
  encoding.EncodeWord(word, ids);
  return ids;
}

// GPT-2's bytes_to_unicode(): 188 printable bytes stand for themselves, the rest in order for
// U+0100 and following: 0x20 is the 33rd, 0x7F the 34th, 0xAD the last of 68.
TEST(BytePairEncodingTest, SpellsBytesAsGpt2) {
  const std::array<std::string, 256> symbols = ByteSymbols();
  EXPECT_EQ(symbols['A'], "A");
  EXPECT_EQ(symbols[0xE9], "é");
  EXPECT_EQ(symbols[0], "\u0100");
  EXPECT_EQ(symbols[' '], "\u0120");
  EXPECT_EQ(symbols[0x7F], "\u0121");
  EXPECT_EQ(symbols[0xAD], "\u0143");
  EXPECT_EQ(std::set<std::string>(symbols.begin(), symbols.end()).size(), 256u);
}

TEST(BytePairEncodingTest, NumbersPrintableBytesFirst) {
  const std::array<uint8_t, 256> order = ByteOrder();
  EXPECT_EQ(order[0], '!');
  EXPECT_EQ(order[93], '~');
  EXPECT_EQ(order[94], 0xA1);
  EXPECT_EQ(order[187], 0xFF);
  EXPECT_EQ(order[188], 0);
  EXPECT_EQ(order[255], 0xAD);
}

TEST(BytePairEncodingTest, EncodesBytesWithoutMerges) {
  const BytePairEncoding encoding = WithMerges({});
  EXPECT_THAT(Encode(encoding, ""), IsEmpty());
  EXPECT_THAT(Encode(encoding, "a"), ElementsAre(LastId('a')));
  EXPECT_THAT(Encode(encoding, "ab"), ElementsAre(LetterId('a'), LastId('b')));
}

// Ids of merges start at 512.
TEST(BytePairEncodingTest, MergesTheLowestRankFirst) {
  const BytePairEncoding encoding = WithMerges({{"b", "c</w>"}, {"a", "b"}, {"a", "bc</w>"}});
  EXPECT_THAT(Encode(encoding, "bc"), ElementsAre(512));
  EXPECT_THAT(Encode(encoding, "abc"), ElementsAre(514));
  EXPECT_THAT(Encode(encoding, "abca"), ElementsAre(513, LetterId('c'), LastId('a')));
}

TEST(BytePairEncodingTest, MergesEqualPairsFromTheLeft) {
  const BytePairEncoding encoding = WithMerges({{"a", "a"}});
  EXPECT_THAT(Encode(encoding, "aaaa"), ElementsAre(512, LetterId('a'), LastId('a')));
  EXPECT_THAT(Encode(encoding, "aaaaa"), ElementsAre(512, 512, LastId('a')));
}

TEST(BytePairEncodingTest, UsesTheUnknownTokenForMissingBytes) {
  const auto encoding = BytePairEncoding::Create({{"a", 0}, {"b</w>", 1}}, {}, 7);
  ASSERT_TRUE(encoding.ok());
  EXPECT_THAT(Encode(*encoding, "axb"), ElementsAre(0, 7, 1));
  EXPECT_THAT(Encode(*encoding, "ba"), ElementsAre(7, 7));
}

TEST(BytePairEncodingTest, RefusesMergesOfUnknownTokens) {
  const auto encoding = BytePairEncoding::Create({{"a", 0}, {"b", 1}}, {{"a", "b"}}, 0);
  EXPECT_EQ(encoding.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(encoding.status().message()), HasSubstr("merge 1"));
}

}  // namespace
}  // namespace patchbay
