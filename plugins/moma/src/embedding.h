#ifndef PATCHBAY_PLUGINS_MOMA_SRC_EMBEDDING_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_EMBEDDING_H_

#include <ATen/ATen.h>

#include <string>

#include "plugins/clip_vision/src/vision_encoder.h"
#include "plugins/clip_vision/src/weights.h"
#include "plugins/moma/src/adapter.h"

namespace moma {

// The tensor of a tokens' file.
inline constexpr char kEmbedding[] = "moma_embedding";

// The content tokens [token_count, token_width] of a file that has a tensor "moma_embedding": a
// language model's state, a subject's embedding or the tokens themselves, as its shape says. Throws
// patchbay::Error for another shape, and where it is a state and the adapter has no mapping.
at::Tensor TokensFromFile(const clip_vision::Weights& file, const Adapter& adapter);

// The encoder in an adapter's file, with the metadata's config.json; empty: the file has none.
// Throws patchbay::Error when it is none, or when its embeddings are not those of the adapter.
clip_vision::VisionEncoder EncoderOf(const Adapter& adapter, const std::string& config);

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_EMBEDDING_H_
