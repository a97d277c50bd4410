#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_TEXT_ENCODER_CONFIG_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_TEXT_ENCODER_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {

enum class TextActivation {
  kQuickGelu,  // x * sigmoid(1.702 x): CLIP
  kGelu,       // exact, with erf: OpenCLIP
};

// What a CLIP text encoder's stored tensors cannot tell. Layers, widths, vocabulary and context
// length follow from names and shapes. Terms: CLIPTextModel of transformers.
struct TextEncoderConfig {
  int64_t heads = 12;
  TextActivation activation = TextActivation::kQuickGelu;
  double layer_norm_eps = 1e-5;
  // As written in the file. The value 2 is the mark of files older than the correction of
  // transformers#24773: their pooled output is taken at the largest token id.
  int64_t eos_token_id = 2;
};

// Reads text_encoder/config.json. INVALID_ARGUMENT names `file` and the entry when the text is
// malformed or asks for mathematics that this program does not have. Entries that are not
// understood and are set to something are added to `warnings`.
absl::StatusOr<TextEncoderConfig> ParseTextEncoderConfig(std::string_view json,
                                                         std::string_view file,
                                                         std::vector<std::string>& warnings);

// What a single file leaves unsaid: heads of width 64, and CLIP's activation where the width is
// 768, OpenCLIP's elsewhere.
TextEncoderConfig DeriveTextEncoderConfig(const WeightMap& text_encoder);

// INVALID_ARGUMENT when the width is no multiple of the number of heads.
absl::Status CheckTextEncoderConfig(const TextEncoderConfig& config, const WeightMap& text_encoder);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_TEXT_ENCODER_CONFIG_H_
