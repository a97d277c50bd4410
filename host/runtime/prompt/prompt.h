#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_PROMPT_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_PROMPT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/base/compat_profile.h"
#include "host/runtime/prompt/tokenizer.h"

namespace patchbay {

// A textual inversion that prompts may name.
struct EmbeddingName {
  // The file's name without extension: the trigger in A1111, "embedding:NAME" in ComfyUI.
  std::string name;
  // The trigger in diffusers, such as "<cat-toy>".
  std::string token;
  // How many positions of a chunk it fills.
  int64_t rows = 1;
};

// Consecutive positions of a chunk whose token embeddings come from a textual inversion.
struct EmbeddingRun {
  int64_t position = 0;
  // Index into the list of names that the prompt was compiled with.
  int64_t embedding = 0;
  int64_t first_row = 0;
  int64_t rows = 0;
  bool operator==(const EmbeddingRun&) const = default;
};

// One sequence for the text encoder, complete with start, end and padding. ids and weights have the
// same length, the tokenizer's max_length(). Where an embedding stands the id is 0, unless that is
// in the padding (A1111, when a chunk ends at a comma before an embedding).
struct TokenChunk {
  std::vector<int32_t> ids;
  // How strongly each position counts; 1 for start, end and padding.
  std::vector<float> weights;
  std::vector<EmbeddingRun> embeddings;
  bool operator==(const TokenChunk&) const = default;
};

// What a sub-prompt says during some of a pass's denoiser calls.
struct PromptStage {
  // Calls count from 0; [first_call, end_call). Empty for a last version that A1111 prepares, and
  // counts when it restores the mean, but that no call reaches.
  int64_t first_call = 0;
  int64_t end_call = 0;
  // The prompt after editing, before its attention brackets are read.
  std::string text;
  // At least one.
  std::vector<TokenChunk> chunks;
};

// One operand of AND.
struct SubPrompt {
  double weight = 1;
  // In order, without gaps, together all calls of the pass. At least one.
  std::vector<PromptStage> stages;
};

// A prompt in terms of tokens, whatever syntax it was written in.
struct Prompt {
  // At least one; more than one only with AND.
  std::vector<SubPrompt> sub_prompts;
  // What the user should know: text that was cut off, an embedding that does not exist.
  std::vector<std::string> warnings;
};

struct PromptOptions {
  // Whose rules the prompt is read by.
  //   diffusers: no syntax at all; one chunk, what is too long is cut off with a warning.
  //   ComfyUI: (round brackets) with weights, any number of chunks, "embedding:name".
  //   A1111: (more) and [less] attention, BREAK, AND, [from:to:when], [a|b], any number of chunks.
  CompatProfile profile = CompatProfile::kDiffusers;
  // Whether AND separates sub-prompts (A1111: in the prompt, but not in the negative one).
  bool split_at_and = true;
  // How often the pass calls the denoiser: the number of steps, twice that for samplers of second
  // order. Only prompt editing depends on it.
  int64_t calls = 1;
  // In a second (hires) pass, the calls of the first one: prompt editing then counts on (A1111:
  // absolute steps from there, fractions from 1.0 to 2.0).
  std::optional<int64_t> calls_before;
  TextCleaning cleaning = TextCleaning::kTransformers;
  // A1111: when a chunk is full, the text after a comma among its last so many tokens moves to the
  // next chunk as a whole; 0 for never.
  int64_t comma_backtrack = 20;
};

// Longer texts, and prompts that fill more chunks, are refused.
inline constexpr size_t kMaxPromptBytes = 256u << 10;
inline constexpr size_t kMaxPromptChunks = 512;

// Reads a prompt (any bytes) by the rules of a profile. Brackets that do not match are never an
// error; they are read as the profile's origin reads them. Extra network tags (<lora:...>) must
// have been taken out before (see extra_networks.h). INVALID_ARGUMENT when the text is longer than
// the limits above, or when its brackets nest or its versions multiply beyond all use.
absl::StatusOr<Prompt> CompilePrompt(std::string_view text, const PromptOptions& options,
                                     const Tokenizer& tokenizer,
                                     absl::Span<const EmbeddingName> embeddings = {});

// A chunk without words: start, end, padding.
TokenChunk EmptyChunk(const Tokenizer& tokenizer);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_PROMPT_H_
