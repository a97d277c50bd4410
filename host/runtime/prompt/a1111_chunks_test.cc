#include "host/runtime/prompt/a1111_chunks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/runtime/prompt/test_tokenizer.h"

namespace patchbay {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kLength = 12;  // room for 10 tokens

class A1111ChunksTest : public ::testing::Test {
 protected:
  std::vector<TokenChunk> Write(std::string_view text) {
    A1111ChunkWriter writer(options_, tokenizer_, embeddings_);
    const auto chunks = writer.Write(text);
    EXPECT_TRUE(chunks.ok()) << chunks.status();
    warnings_ = writer.warnings();
    return chunks.ok() ? *chunks : std::vector<TokenChunk>{};
  }

  // One string per chunk, "!" for the id 0.
  std::vector<std::string> Letters(std::string_view text) {
    std::vector<std::string> result;
    for (const TokenChunk& chunk : Write(text)) {
      EXPECT_THAT(chunk.ids, SizeIs(kLength));
      EXPECT_THAT(chunk.weights, SizeIs(kLength));
      EXPECT_EQ(chunk.ids[0], tokenizer_.start_id());
      std::string letters;
      for (size_t i = 1; chunk.ids[i] != tokenizer_.end_id(); ++i) {
        letters.push_back(static_cast<char>('!' + chunk.ids[i] % 256));
      }
      result.push_back(letters);
    }
    return result;
  }

  PromptOptions options_;
  Tokenizer tokenizer_ = ByteTokenizer(kLength);
  std::vector<EmbeddingName> embeddings_;
  std::vector<std::string> warnings_;
};

// All by following tokenize_line() by hand, with chunks of 10 tokens in place of 75.
TEST_F(A1111ChunksTest, CutsFullChunks) {
  EXPECT_THAT(Letters(""), ElementsAre(""));
  EXPECT_THAT(Letters("abcdefghij"), ElementsAre("abcdefghij"));
  EXPECT_THAT(Letters("abcdefghijklmnopqrstuvw"), ElementsAre("abcdefghij", "klmnopqrst", "uvw"));
}

TEST_F(A1111ChunksTest, BreaksWhereItIsTold) {
  EXPECT_THAT(Letters("ab BREAK cd"), ElementsAre("ab", "cd"));
  EXPECT_THAT(Letters("BREAK ab"), ElementsAre("", "ab"));
  EXPECT_THAT(Letters("ab BREAK"), ElementsAre("ab"));
  EXPECT_THAT(Letters("ab BREAK BREAK cd"), ElementsAre("ab", "", "cd"));
}

TEST_F(A1111ChunksTest, MovesTheTextAfterACommaToTheNextChunk) {
  options_.comma_backtrack = 4;
  EXPECT_THAT(Letters("abcdef,ghijk"), ElementsAre("abcdef,", "ghijk"));
  // The comma is five tokens back when the chunk is full.
  EXPECT_THAT(Letters("abcde,ghijkl"), ElementsAre("abcde,ghij", "kl"));
  // The token that does not fit is itself a comma.
  EXPECT_THAT(Letters("abcdef,hij,kl"), ElementsAre("abcdef,hij", ",kl"));
  // Nothing needs to move when the text ends with the chunk.
  EXPECT_THAT(Letters("abcdef,hij"), ElementsAre("abcdef,hij"));
  options_.comma_backtrack = 0;
  EXPECT_THAT(Letters("abcdef,ghijk"), ElementsAre("abcdef,ghi", "jk"));
}

TEST_F(A1111ChunksTest, MovesWeightsWithTheirTokens) {
  const std::vector<TokenChunk> chunks = Write("abcdef,(gh:2)ijk");
  ASSERT_THAT(chunks, SizeIs(2));
  EXPECT_THAT(chunks[0].weights, Each(1.0f));
  EXPECT_THAT(chunks[1].weights, ElementsAre(1, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1));
}

TEST_F(A1111ChunksTest, PadsAfterTheFirstEnd) {
  tokenizer_ = tokenizer_.WithPad(7);
  const std::vector<TokenChunk> chunks = Write("a<|endoftext|>b");
  EXPECT_THAT(chunks.at(0).ids, ElementsAre(tokenizer_.start_id(), LastId('a'), tokenizer_.end_id(),
                                            7, 7, 7, 7, 7, 7, 7, 7, 7));
  // With the end as padding the text goes on.
  tokenizer_ = tokenizer_.WithPad(tokenizer_.end_id());
  EXPECT_EQ(Write("a<|endoftext|>b").at(0).ids[3], LastId('b'));
}

TEST_F(A1111ChunksTest, FindsTheLongestEmbedding) {
  embeddings_ = {{"cat", "", 2}, {"cat dog", "", 3}, {"Big-One", "", 1}, {"!", "", 0}};
  const std::vector<TokenChunk> chunks = Write("cat (cat dog:2) catx");
  ASSERT_THAT(chunks, SizeIs(1));
  EXPECT_THAT(chunks[0].embeddings,
              ElementsAre(EmbeddingRun{1, 0, 0, 2}, EmbeddingRun{3, 1, 0, 3}));
  EXPECT_THAT(chunks[0].weights, ElementsAre(1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1));
  EXPECT_THAT(Letters("cat (cat dog:2) catx"), ElementsAre("!!!!!catx"));
  // Names match whole token ids, and are tokenised like the prompt: lower-cased, and found between
  // symbols.
  EXPECT_THAT(Letters("a big-one,b"), ElementsAre("a!,b"));
  // Not across pieces of different weight.
  EXPECT_THAT(Letters("cat (dog)"), ElementsAre("!!dog"));
}

TEST_F(A1111ChunksTest, MovesEmbeddingsThatDoNotFit) {
  embeddings_ = {{"cat", "", 4}};
  EXPECT_THAT(Letters("abcdefg cat"), ElementsAre("abcdefg", "!!!!"));
  EXPECT_THAT(Write("abcdefg cat").at(1).embeddings, ElementsAre(EmbeddingRun{1, 0, 0, 4}));
  embeddings_[0].rows = 11;
  const auto chunks = A1111ChunkWriter(options_, tokenizer_, embeddings_).Write("cat");
  EXPECT_EQ(chunks.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(chunks.status().message()), HasSubstr("\"cat\" has 11 vectors"));
}

// The list of embeddings ("fixes") stays with the old chunk when tokens are moved.
TEST_F(A1111ChunksTest, LeavesEmbeddingsBehindAtACommaAsA1111Does) {
  embeddings_ = {{"cat", "", 2}};
  EXPECT_THAT(Letters("abcde, cat gh ij"), ElementsAre("abcde,", "!!ghij"));
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("\"cat\" follows a comma")));
  const std::vector<TokenChunk> chunks = Write("abcde, cat gh ij");
  EXPECT_THAT(chunks[0].embeddings, ElementsAre(EmbeddingRun{7, 0, 0, 2}));
  EXPECT_THAT(chunks[1].embeddings, IsEmpty());
}

}  // namespace
}  // namespace patchbay
