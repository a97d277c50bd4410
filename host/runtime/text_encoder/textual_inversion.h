#ifndef PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_TEXTUAL_INVERSION_H_
#define PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_TEXTUAL_INVERSION_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/runtime/prompt/prompt.h"

namespace patchbay {

// A textual inversion (arXiv:2208.01618): token embeddings that stand for a concept, for one text
// encoder or for each of two. Immutable; any thread may read.
struct TextualInversion {
  // The file's name without extension.
  std::string name;
  // What diffusers calls it by: the file's own key ("<cat-toy>"), else the name.
  std::string token;
  // [rows, width], fp32 on the CPU. Where the file names its encoders ("clip_l", "clip_g"), in this
  // order.
  std::vector<at::Tensor> vectors;
};

// Reads a safetensors file with one of: a tensor under the diffusers token, kohya's "emb_params",
// SDXL's "clip_l" and "clip_g"; each [width] or [rows, width]. INVALID_ARGUMENT when the file is a
// pickle (.pt, .bin; with advice on converting) or holds something else.
absl::StatusOr<TextualInversion> ReadTextualInversion(const std::string& path);

// The vectors of each embedding that fit a text encoder of this width, in order; `encoder` counts
// from 0 among `encoders` side by side. INVALID_ARGUMENT names the embedding that was made for
// another model.
absl::StatusOr<std::vector<at::Tensor>> VectorsFor(absl::Span<const TextualInversion> embeddings,
                                                   size_t encoder, size_t encoders, int64_t width);

// What the prompt compiler needs to know, for vectors from VectorsFor().
std::vector<EmbeddingName> NamesOf(absl::Span<const TextualInversion> embeddings,
                                   absl::Span<const at::Tensor> vectors);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_TEXTUAL_INVERSION_H_
