#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_COMFYUI_PROMPT_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_COMFYUI_PROMPT_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "host/runtime/prompt/prompt.h"

namespace patchbay {

// A prompt as ComfyUI's CLIPTextEncode reads it: weights by round brackets, "embedding:NAME" at the
// start of a piece or after white space, any number of chunks. A piece of the same weight that has
// fewer than eight tokens, or an embedding with fewer than eight rows, is never cut in two: it
// starts a new chunk when it does not fit. Embeddings that do not exist are left out with a
// warning. NAME may carry the file's extension.
//
// `text` must be well-formed UTF-8. INVALID_ARGUMENT when it fills too many chunks.
// Source: ComfyUI, comfy/sd1_clip.py, SDTokenizer.
absl::StatusOr<Prompt> CompileComfyuiPrompt(std::string_view text, const PromptOptions& options,
                                            const Tokenizer& tokenizer,
                                            absl::Span<const EmbeddingName> embeddings);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_COMFYUI_PROMPT_H_
