#include "host/runtime/prompt/comfyui_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "host/runtime/prompt/test_tokenizer.h"

namespace patchbay {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kLength = 14;  // room for 12 tokens

PromptOptions Options() {
  PromptOptions options;
  options.profile = CompatProfile::kComfyUi;
  options.calls = 20;
  return options;
}

const std::vector<TokenChunk>& Chunks(const Prompt& prompt) {
  return prompt.sub_prompts.at(0).stages.at(0).chunks;
}

// A compiled chunk's words, as ids without start, end and padding.
std::vector<int32_t> Inside(const TokenChunk& chunk, const Tokenizer& tokenizer) {
  const auto end = std::find(chunk.ids.begin(), chunk.ids.end(), tokenizer.end_id());
  return {chunk.ids.begin() + 1, end};
}

std::string Letters(const TokenChunk& chunk, const Tokenizer& tokenizer) {
  std::string letters;
  for (const int32_t id : Inside(chunk, tokenizer)) {
    letters.push_back(static_cast<char>('!' + id % 256));
  }
  return letters;
}

TEST(ComfyuiPromptTest, WeightsTokens) {
  const Tokenizer tokenizer = ByteTokenizer(kLength);
  const auto prompt = CompilePrompt("a (cat:1.5) (b)", Options(), tokenizer);
  ASSERT_TRUE(prompt.ok()) << prompt.status();
  ASSERT_THAT(prompt->sub_prompts, SizeIs(1));
  EXPECT_EQ(prompt->sub_prompts[0].weight, 1);
  const PromptStage& stage = prompt->sub_prompts[0].stages.at(0);
  EXPECT_EQ(stage.first_call, 0);
  EXPECT_EQ(stage.end_call, 20);
  EXPECT_EQ(stage.text, "a (cat:1.5) (b)");
  ASSERT_THAT(stage.chunks, SizeIs(1));
  const int32_t end = tokenizer.end_id();
  EXPECT_THAT(stage.chunks[0].ids,
              ElementsAre(tokenizer.start_id(), LastId('a'), LetterId('c'), LetterId('a'),
                          LastId('t'), LastId('b'), end, end, end, end, end, end, end, end));
  EXPECT_THAT(stage.chunks[0].weights,
              ElementsAre(1, 1, 1.5f, 1.5f, 1.5f, 1.1f, 1, 1, 1, 1, 1, 1, 1, 1));
  EXPECT_THAT(prompt->warnings, IsEmpty());
}

TEST(ComfyuiPromptTest, HasNoOtherSyntax) {
  const Tokenizer tokenizer = ByteTokenizer();
  const auto prompt = CompilePrompt("[a:b:3] AND c BREAK d", Options(), tokenizer);
  ASSERT_TRUE(prompt.ok());
  EXPECT_THAT(prompt->sub_prompts, SizeIs(1));
  EXPECT_EQ(Inside(Chunks(*prompt).at(0), tokenizer), tokenizer.Encode("[a:b:3] AND c BREAK d"));
  EXPECT_THAT(Chunks(*prompt)[0].weights, Each(1.0f));
}

TEST(ComfyuiPromptTest, CompilesAnEmptyPrompt) {
  const Tokenizer tokenizer = ByteTokenizer();
  const auto prompt = CompilePrompt("", Options(), tokenizer);
  ASSERT_TRUE(prompt.ok());
  EXPECT_THAT(Chunks(*prompt), ElementsAre(EmptyChunk(tokenizer)));
}

// tokenize_with_weights(): a group of fewer than 8 tokens moves to the next batch as a whole, a
// longer one fills the batch first.
TEST(ComfyuiPromptTest, MovesSmallGroupsAndCutsLargeOnes) {
  const Tokenizer tokenizer = ByteTokenizer(kLength);
  const auto small = CompilePrompt("abcdefgh(ijklm)", Options(), tokenizer);
  ASSERT_TRUE(small.ok());
  ASSERT_THAT(Chunks(*small), SizeIs(2));
  EXPECT_EQ(Letters(Chunks(*small)[0], tokenizer), "abcdefgh");
  EXPECT_EQ(Letters(Chunks(*small)[1], tokenizer), "ijklm");

  const auto large = CompilePrompt("abcdefgh(ijklmnop)", Options(), tokenizer);
  ASSERT_TRUE(large.ok());
  ASSERT_THAT(Chunks(*large), SizeIs(2));
  EXPECT_EQ(Letters(Chunks(*large)[0], tokenizer), "abcdefghijkl");
  EXPECT_EQ(Letters(Chunks(*large)[1], tokenizer), "mnop");
  EXPECT_THAT(Chunks(*large)[1].weights,
              ElementsAre(1, 1.1f, 1.1f, 1.1f, 1.1f, 1, 1, 1, 1, 1, 1, 1, 1, 1));

  // Exactly full: no empty chunk follows.
  const auto full = CompilePrompt("abcdefghijkl", Options(), tokenizer);
  ASSERT_TRUE(full.ok());
  EXPECT_THAT(Chunks(*full), SizeIs(1));
}

TEST(ComfyuiPromptTest, PadsWithThePaddingId) {
  const Tokenizer tokenizer = ByteTokenizer(kLength).WithPad(0);
  const auto prompt = CompilePrompt("abcdefgh(ijklm)", Options(), tokenizer);
  ASSERT_TRUE(prompt.ok());
  const std::vector<int32_t>& ids = Chunks(*prompt).at(0).ids;
  EXPECT_EQ(ids[9], tokenizer.end_id());
  EXPECT_THAT(std::vector<int32_t>(ids.begin() + 10, ids.end()), Each(0));
}

std::vector<EmbeddingName> Embeddings() {
  return {{"cat", "<cat>", 2}, {"big", "<big>", 9}, {"odd,", "<odd>", 1}};
}

TEST(ComfyuiPromptTest, PlacesEmbeddings) {
  const Tokenizer tokenizer = ByteTokenizer(kLength);
  const auto prompt =
      CompilePrompt("a embedding:cat, (embedding:cat.pt:2)", Options(), tokenizer, Embeddings());
  ASSERT_TRUE(prompt.ok());
  EXPECT_THAT(prompt->warnings, IsEmpty());
  ASSERT_THAT(Chunks(*prompt), SizeIs(1));
  const TokenChunk& chunk = Chunks(*prompt)[0];
  EXPECT_THAT(Inside(chunk, tokenizer), ElementsAre(LastId('a'), 0, 0, LastId(','), 0, 0));
  EXPECT_THAT(chunk.embeddings, ElementsAre(EmbeddingRun{2, 0, 0, 2}, EmbeddingRun{5, 0, 0, 2}));
  EXPECT_EQ(chunk.weights[5], 2);
  EXPECT_EQ(chunk.weights[4], 1);
}

TEST(ComfyuiPromptTest, CutsLargeEmbeddings) {
  const Tokenizer tokenizer = ByteTokenizer(kLength);
  const auto prompt = CompilePrompt("abcdefgh embedding:big", Options(), tokenizer, Embeddings());
  ASSERT_TRUE(prompt.ok());
  ASSERT_THAT(Chunks(*prompt), SizeIs(2));
  EXPECT_THAT(Chunks(*prompt)[0].embeddings, ElementsAre(EmbeddingRun{9, 1, 0, 4}));
  EXPECT_THAT(Chunks(*prompt)[1].embeddings, ElementsAre(EmbeddingRun{1, 1, 4, 5}));
}

TEST(ComfyuiPromptTest, WarnsOfUnknownEmbeddings) {
  const Tokenizer tokenizer = ByteTokenizer();
  const auto prompt =
      CompilePrompt("a embedding:dog, b embedding:dog,", Options(), tokenizer, Embeddings());
  ASSERT_TRUE(prompt.ok());
  EXPECT_THAT(prompt->warnings, ElementsAre("embedding \"dog,\" does not exist; it was left out"));
  // "a ", then ", b", then ", "
  EXPECT_EQ(Letters(Chunks(*prompt)[0], tokenizer), "a,b,");
}

// _try_get_embedding(): the name ends at white space, "<" or "["; commas are stripped only when the
// whole name is not known; what follows is text.
TEST(ComfyuiPromptTest, FindsTheEndOfAnEmbeddingsName) {
  const Tokenizer tokenizer = ByteTokenizer();
  const auto text_beside = [&](std::string_view text) {
    const auto prompt = CompilePrompt(text, Options(), tokenizer, Embeddings());
    return Letters(Chunks(*prompt).at(0), tokenizer);
  };
  EXPECT_EQ(text_beside("embedding:cat dog"), "!!dog");
  EXPECT_EQ(text_beside("embedding:cat[dog] x"), "!![dog]x");
  EXPECT_EQ(text_beside("embedding:odd, x"), "!x");
  EXPECT_EQ(text_beside("embedding:,cat x"), "!!tx");
  EXPECT_EQ(text_beside("embedding: "), "");
  EXPECT_EQ(text_beside("xembedding:cat"), "xembedding:cat");
  EXPECT_EQ(text_beside("x\nembedding:cat"), "x!!");
}

TEST(ComfyuiPromptTest, RefusesTooManyChunks) {
  const Tokenizer tokenizer = ByteTokenizer(3);
  const auto prompt = CompilePrompt(std::string(kMaxPromptChunks + 1, 'a'), Options(), tokenizer);
  EXPECT_EQ(prompt.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(CompilePrompt(std::string(kMaxPromptChunks, 'a'), Options(), tokenizer).ok());
}

}  // namespace
}  // namespace patchbay
