#include "host/runtime/prompt/a1111_prompt.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/prompt/a1111_chunks.h"
#include "host/runtime/prompt/prompt_schedule.h"
#include "host/runtime/prompt/python_text.h"
#include "host/runtime/prompt/token_chunk.h"

namespace patchbay {
namespace {

constexpr std::string_view kAnd = "AND";
// All stages of all sub-prompts together; each chunk is one run of the text encoder.
constexpr size_t kMaxChunksInAll = 1 << 14;

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

// The grammar of weights: no exponent, no second point.
bool IsOperandWeight(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  const std::string_view fraction = point < text.size() ? text.substr(point + 1) : "";
  return !(whole.empty() && fraction.empty()) && std::all_of(whole.begin(), whole.end(), IsDigit) &&
         std::all_of(fraction.begin(), fraction.end(), IsDigit);
}

WeightedOperand ReadOperand(std::string_view text) {
  text = StripPythonSpaceRight(text);
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {std::string(text), 1};
  const std::string_view number = StripPythonSpaceLeft(text.substr(colon + 1));
  const std::optional<double> weight =
      IsOperandWeight(number) ? ParsePythonFloat(number) : std::nullopt;
  if (!weight.has_value()) return {std::string(text), 1};
  return {std::string(StripPythonSpaceRight(text.substr(0, colon))), *weight};
}

class Compiler {
 public:
  Compiler(const PromptOptions& options, const Tokenizer& tokenizer,
           absl::Span<const EmbeddingName> embeddings)
      : options_(options), tokenizer_(tokenizer), writer_(options, tokenizer, embeddings) {}

  absl::StatusOr<Prompt> Compile(std::string_view text) {
    const std::vector<WeightedOperand> operands =
        options_.split_at_and ? SplitAtAnd(text)
                              : std::vector<WeightedOperand>{{std::string(text), 1}};
    Prompt prompt;
    for (const WeightedOperand& operand : operands) {
      PATCHBAY_ASSIGN_OR_RETURN(SubPrompt sub_prompt, CompileOperand(operand));
      prompt.sub_prompts.push_back(std::move(sub_prompt));
    }
    prompt.warnings = writer_.warnings();
    return prompt;
  }

 private:
  absl::StatusOr<SubPrompt> CompileOperand(const WeightedOperand& operand) {
    const int64_t calls = std::max<int64_t>(options_.calls, 1);
    PATCHBAY_ASSIGN_OR_RETURN(std::vector<ScheduledText> versions,
                              SchedulePrompt(operand.text, calls, options_.calls_before));
    SubPrompt sub_prompt{operand.weight, {}};
    size_t length = 1;
    int64_t first_call = 0;
    for (ScheduledText& version : versions) {
      PATCHBAY_ASSIGN_OR_RETURN(std::vector<TokenChunk> chunks, Chunks(version.text));
      length = std::max(length, chunks.size());
      const int64_t end_call = std::min(version.end_step + 1, calls);
      sub_prompt.stages.push_back(
          {first_call, end_call, std::move(version.text), std::move(chunks)});
      first_call = end_call;
      PATCHBAY_RETURN_IF_ERROR(CheckTotal(length * sub_prompt.stages.size()));
    }
    for (PromptStage& stage : sub_prompt.stages) {
      stage.chunks.resize(length, EmptyChunk(tokenizer_));
    }
    chunks_in_all_ += length * sub_prompt.stages.size();
    return sub_prompt;
  }

  // Alternation brings the same texts again and again.
  absl::StatusOr<std::vector<TokenChunk>> Chunks(const std::string& text) {
    const auto known = chunks_of_.find(text);
    if (known != chunks_of_.end()) return known->second;
    PATCHBAY_ASSIGN_OR_RETURN(std::vector<TokenChunk> chunks, writer_.Write(text));
    chunks_of_.emplace(text, chunks);
    return chunks;
  }

  absl::Status CheckTotal(size_t more) const {
    if (chunks_in_all_ + more <= kMaxChunksInAll) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("the prompt with all its AND operands and edited versions fills more than ",
                     kMaxChunksInAll, " chunks of the text encoder; shorten or simplify it"));
  }

  const PromptOptions& options_;
  const Tokenizer& tokenizer_;
  A1111ChunkWriter writer_;
  std::unordered_map<std::string, std::vector<TokenChunk>> chunks_of_;
  size_t chunks_in_all_ = 0;
};

}  // namespace

std::vector<WeightedOperand> SplitAtAnd(std::string_view text) {
  std::vector<WeightedOperand> operands;
  size_t start = 0;
  for (const size_t position : FindWord(text, kAnd)) {
    operands.push_back(ReadOperand(text.substr(start, position - start)));
    start = position + kAnd.size();
  }
  operands.push_back(ReadOperand(text.substr(start)));
  return operands;
}

absl::StatusOr<Prompt> CompileA1111Prompt(std::string_view text, const PromptOptions& options,
                                          const Tokenizer& tokenizer,
                                          absl::Span<const EmbeddingName> embeddings) {
  return Compiler(options, tokenizer, embeddings).Compile(text);
}

}  // namespace patchbay
