#include "host/runtime/prompt/prompt.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "host/runtime/prompt/a1111_prompt.h"
#include "host/runtime/prompt/comfyui_prompt.h"
#include "host/runtime/prompt/plain_prompt.h"
#include "host/runtime/prompt/unicode.h"

namespace patchbay {

absl::StatusOr<Prompt> CompilePrompt(std::string_view text, const PromptOptions& options,
                                     const Tokenizer& tokenizer,
                                     absl::Span<const EmbeddingName> embeddings) {
  if (text.size() > kMaxPromptBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the prompt has ", text.size(), " bytes; at most ", kMaxPromptBytes, " are accepted"));
  }
  switch (options.profile) {
    case CompatProfile::kComfyUi:
      return CompileComfyuiPrompt(ReplaceMalformedUtf8(text), options, tokenizer, embeddings);
    case CompatProfile::kA1111:
      return CompileA1111Prompt(ReplaceMalformedUtf8(text), options, tokenizer, embeddings);
    case CompatProfile::kDiffusers:
      break;
  }
  return CompilePlainPrompt(text, options, tokenizer, embeddings);
}

}  // namespace patchbay
