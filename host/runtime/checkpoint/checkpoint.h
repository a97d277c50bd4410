#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_CHECKPOINT_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_CHECKPOINT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/autoencoder_config.h"
#include "host/runtime/checkpoint/model_description.h"
#include "host/runtime/checkpoint/text_encoder_config.h"
#include "host/runtime/checkpoint/unet_config.h"
#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {

struct TextEncoderPart {
  // Names as transformers 4 writes them: "text_model.encoder.layers.0...",
  // "text_projection.weight". An OpenCLIP encoder of a single file has been renamed and its joint
  // projections split.
  WeightMap weights;
  TextEncoderConfig config;
  // Where the tokenizer's files are; empty for CLIP's own vocabulary.
  std::string tokenizer_folder;
  // What short prompts are filled up with where no tokenizer folder says it: CLIP repeats the end
  // token, OpenCLIP uses "!", token 0.
  int64_t pad_token_id = 49407;
};

// The components of a model as views of the mapped files, under diffusers' names.
struct Checkpoint {
  ModelDescription description;
  WeightMap unet;
  UNetConfig unet_config;
  // The plan that the U-Net's integers were made by (integer_weight_file.h); otherwise empty.
  std::string integer_plan;
  WeightMap autoencoder;
  AutoencoderConfig autoencoder_config;
  // In the order in which their outputs are joined: SDXL's CLIP-L before OpenCLIP-bigG. The pooled
  // vector comes from the last.
  std::vector<TextEncoderPart> text_encoders;
};

struct OpenCheckpointOptions {
  // Which of a folder's variants to take ("fp16"); without it the plain files, or else what there
  // is.
  std::string variant;
  // Overrides what was found out: "epsilon", "v_prediction" or "sample".
  std::optional<std::string> prediction_type;
  // A U-Net under diffusers' names that is used in the place of the checkpoint's own, which may
  // then be missing.
  std::optional<WeightMap> unet;
};

// Opens a diffusers folder, a single-file checkpoint (safetensors or GGUF), or a GGUF file or one
// of integers with a U-Net, whose other parts are those of the model that it stands beside
// (unet_file.h). Only
// headers are read; a
// single file of the second generation also has one small tensor looked at, since nothing else
// tells its prediction type. Errors: NOT_FOUND; INVALID_ARGUMENT when a file is damaged, is not a
// whole checkpoint or asks for something this program has no code for. The message names the file,
// what was found and what to do.
absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& path,
                                          const OpenCheckpointOptions& options = {});

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_CHECKPOINT_H_
