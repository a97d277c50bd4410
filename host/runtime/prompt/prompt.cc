#include "host/runtime/prompt/prompt.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "host/runtime/prompt/plain_prompt.h"

namespace patchbay {

absl::StatusOr<Prompt> CompilePrompt(std::string_view text, const PromptOptions& options,
                                     const Tokenizer& tokenizer,
                                     absl::Span<const EmbeddingName> embeddings) {
  if (text.size() > kMaxPromptBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the prompt has ", text.size(), " bytes; at most ", kMaxPromptBytes, " are accepted"));
  }
  return CompilePlainPrompt(text, options, tokenizer, embeddings);
}

}  // namespace patchbay
