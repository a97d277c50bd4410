#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_PLAIN_PROMPT_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_PLAIN_PROMPT_H_

#include <string_view>

#include "host/runtime/prompt/prompt.h"

namespace patchbay {

// A prompt without syntax, as diffusers' own pipelines read it: one chunk, cut off at the end with
// a warning that names what was lost. A textual inversion is called by its token and stands for all
// of its rows.
Prompt CompilePlainPrompt(std::string_view text, const PromptOptions& options,
                          const Tokenizer& tokenizer, absl::Span<const EmbeddingName> embeddings);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_PLAIN_PROMPT_H_
