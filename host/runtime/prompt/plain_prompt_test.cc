#include "host/runtime/prompt/plain_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/runtime/prompt/test_tokenizer.h"
#include "host/runtime/prompt/token_chunk.h"

namespace patchbay {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kLength = 8;

TEST(PlainPromptTest, HasNoSyntax) {
  const Tokenizer tokenizer = ByteTokenizer();
  PromptOptions options;
  options.calls = 30;
  const auto prompt = CompilePrompt("(a:2) AND [b|c] BREAK", options, tokenizer);
  ASSERT_TRUE(prompt.ok());
  EXPECT_THAT(prompt->warnings, IsEmpty());
  ASSERT_THAT(prompt->sub_prompts, SizeIs(1));
  ASSERT_THAT(prompt->sub_prompts[0].stages, SizeIs(1));
  const PromptStage& stage = prompt->sub_prompts[0].stages[0];
  EXPECT_EQ(stage.first_call, 0);
  EXPECT_EQ(stage.end_call, 30);
  ASSERT_THAT(stage.chunks, SizeIs(1));
  EXPECT_THAT(stage.chunks[0].weights, Each(1.0f));
  const std::vector<int32_t> words = tokenizer.Encode("(a:2) AND [b|c] BREAK");
  EXPECT_EQ(std::vector<int32_t>(stage.chunks[0].ids.begin() + 1,
                                 stage.chunks[0].ids.begin() + 1 + words.size()),
            words);
}

TEST(PlainPromptTest, CutsOffWithAWarning) {
  const Tokenizer tokenizer = ByteTokenizer(kLength);
  const auto prompt = CompilePrompt("abcdef gh", {}, tokenizer);
  ASSERT_TRUE(prompt.ok());
  EXPECT_THAT(prompt->sub_prompts[0].stages[0].chunks[0].ids,
              ElementsAre(tokenizer.start_id(), LetterId('a'), LetterId('b'), LetterId('c'),
                          LetterId('d'), LetterId('e'), LastId('f'), tokenizer.end_id()));
  EXPECT_THAT(prompt->warnings, ElementsAre(HasSubstr("\"gh\"")));
}

TEST(PlainPromptTest, PlacesEmbeddingsByTheirTokens) {
  const Tokenizer tokenizer = ByteTokenizer(kLength);
  const std::vector<EmbeddingName> embeddings = {{"toy", "<toy>", 2}};
  const auto prompt = CompilePrompt("a <TOY> toy <toy>", {}, tokenizer, embeddings);
  ASSERT_TRUE(prompt.ok());
  const TokenChunk& chunk = prompt->sub_prompts[0].stages[0].chunks[0];
  EXPECT_THAT(chunk.ids, ElementsAre(tokenizer.start_id(), LastId('a'), 0, 0, LetterId('t'),
                                     LetterId('o'), LastId('y'), tokenizer.end_id()));
  EXPECT_THAT(chunk.embeddings, ElementsAre(EmbeddingRun{2, 0, 0, 2}));
  EXPECT_THAT(prompt->warnings, ElementsAre(HasSubstr("\"<toy>\"")));
}

TEST(TokenChunkTest, MakesChunks) {
  const Tokenizer tokenizer = ByteTokenizer(kLength).WithPad(9);
  const int32_t start = tokenizer.start_id();
  const int32_t end = tokenizer.end_id();
  EXPECT_EQ(ChunkCapacity(tokenizer), 6);
  EXPECT_THAT(EmptyChunk(tokenizer).ids, ElementsAre(start, end, 9, 9, 9, 9, 9, 9));
  EXPECT_THAT(EmptyChunk(tokenizer).weights, Each(1.0f));

  std::vector<WeightedToken> tokens = {{5, 2, -1, 0}};
  AppendEmbedding(1, 2, 3, tokens);
  AppendEmbedding(1, 2, 1, tokens);
  const TokenChunk chunk = MakeChunk(tokens, tokenizer);
  EXPECT_THAT(chunk.ids, ElementsAre(start, 5, 0, 0, 0, 0, end, 9));
  EXPECT_THAT(chunk.weights, ElementsAre(1, 2, 3, 3, 1, 1, 1, 1));
  EXPECT_THAT(chunk.embeddings, ElementsAre(EmbeddingRun{2, 1, 0, 2}, EmbeddingRun{4, 1, 0, 2}));

  // The second half of an embedding that was cut in two.
  const TokenChunk rest = MakeChunk(absl::MakeConstSpan(tokens).subspan(2, 1), tokenizer);
  EXPECT_THAT(rest.embeddings, ElementsAre(EmbeddingRun{1, 1, 1, 1}));
}

}  // namespace
}  // namespace patchbay
