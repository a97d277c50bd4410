// Whatever bytes come in as a prompt, every profile reads them, and what it makes of them can go
// through a text encoder: chunks of the right length, stages that cover all calls, finite weights,
// embeddings that lie inside. The first bytes choose the options.

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "host/runtime/prompt/extra_networks.h"
#include "host/runtime/prompt/prompt.h"
#include "host/runtime/prompt/test_tokenizer.h"

namespace {

using namespace patchbay;  // NOLINT: a program of its own

void Require(bool condition) {
  if (!condition) std::abort();
}

const std::vector<EmbeddingName>& Embeddings() {
  static const auto* const kEmbeddings = new std::vector<EmbeddingName>{
      {"cat", "<cat>", 3}, {"cat dog", "<cat-dog>", 1}, {"a,", "<a>", 9}, {"", "", 2}};
  return *kEmbeddings;
}

void CheckChunk(const TokenChunk& chunk, const Tokenizer& tokenizer) {
  Require(chunk.ids.size() == static_cast<size_t>(tokenizer.max_length()));
  Require(chunk.weights.size() == chunk.ids.size());
  Require(chunk.ids[0] == tokenizer.start_id());
  for (const int32_t id : chunk.ids) Require(id >= 0 && id < tokenizer.vocabulary_size());
  for (const float weight : chunk.weights) Require(std::isfinite(weight));
  for (const EmbeddingRun& run : chunk.embeddings) {
    Require(run.embedding >= 0 && run.embedding < static_cast<int64_t>(Embeddings().size()));
    const EmbeddingName& name = Embeddings()[static_cast<size_t>(run.embedding)];
    Require(run.rows > 0 && run.first_row >= 0 && run.first_row + run.rows <= name.rows);
    Require(run.position > 0 && run.position + run.rows < tokenizer.max_length());
  }
}

void CheckPrompt(const Prompt& prompt, const PromptOptions& options, const Tokenizer& tokenizer) {
  Require(!prompt.sub_prompts.empty());
  for (const SubPrompt& sub_prompt : prompt.sub_prompts) {
    Require(std::isfinite(sub_prompt.weight) && !sub_prompt.stages.empty());
    int64_t call = 0;
    for (const PromptStage& stage : sub_prompt.stages) {
      Require(stage.first_call == call && stage.end_call >= call && !stage.chunks.empty());
      call = stage.end_call;
      for (const TokenChunk& chunk : stage.chunks) CheckChunk(chunk, tokenizer);
    }
    Require(call == options.calls);
  }
}

void CheckExtraNetworks(std::string_view text) {
  const PromptWithoutTags result = TakeExtraNetworks(text);
  for (const ExtraNetworkTag& tag : result.tags) {
    Require(!tag.type.empty() && !tag.name.empty());
    Require(std::isfinite(tag.text_weight) && std::isfinite(tag.unet_weight));
  }
  // A malformed byte becomes U+FFFD, which has three.
  Require(result.text.size() <= 3 * text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* const kTokenizer =
      new Tokenizer(*Tokenizer::Create(BytePartsWith({{"c", "a"}, {"ca", "t</w>"}, {"a", "b"}})));
  if (size < 3) return 0;
  PromptOptions options;
  options.calls = 1 + data[0] % 64;
  if (data[1] % 4 == 0) options.calls_before = data[1] % 32;
  options.split_at_and = data[2] % 2 == 0;
  options.comma_backtrack = data[2] % 77;
  options.cleaning = data[2] % 3 == 0 ? TextCleaning::kOpenClip : TextCleaning::kTransformers;
  const Tokenizer tokenizer = data[1] % 2 == 0 ? *kTokenizer : kTokenizer->WithPad(0);
  const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);
  for (const CompatProfile profile :
       {CompatProfile::kDiffusers, CompatProfile::kComfyUi, CompatProfile::kA1111}) {
    options.profile = profile;
    const auto prompt = CompilePrompt(text, options, tokenizer, Embeddings());
    if (prompt.ok()) CheckPrompt(*prompt, options, tokenizer);
  }
  CheckExtraNetworks(text);
  return 0;
}
