#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_LOADED_MODEL_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_LOADED_MODEL_H_

#include <ATen/ATen.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "host/runtime/autoencoder/autoencoder.h"
#include "host/runtime/checkpoint/checkpoint.h"
#include "host/runtime/denoiser/unet.h"
#include "host/runtime/lora/lora_set.h"
#include "host/runtime/pipeline/previews.h"
#include "host/runtime/pipeline/releasable_weights.h"
#include "host/runtime/sampling/noise_schedule.h"
#include "host/runtime/text_encoder/conditioning.h"

namespace patchbay {

// What a model computes with.
struct ComputeOptions {
  // A tiny autoencoder for previews (TAESD); empty: colours fitted to the model's own.
  std::string preview_decoder_file;
  at::Device device = at::kCPU;
  at::ScalarType precision = at::kFloat;
};

// Where tokenizers come from when the checkpoint's own is not wanted or missing; empty texts
// otherwise.
struct TokenizerSources {
  std::string folder;           // replaces the checkpoint's tokenizers
  std::string vocabulary_file;  // CLIP's own merge list
};

// A model with its weights in memory, ready to compute. Immutable but for `releasable`; shared by
// all jobs.
struct LoadedModel {
  ModelDescription description;
  ComputeOptions compute;
  NoiseSchedule schedule;
  TextModel text;
  std::unique_ptr<const UNet> unet;
  std::unique_ptr<const Autoencoder> autoencoder;
  std::unique_ptr<const Previews> previews;
  // As Checkpoint has it.
  std::string integer_plan;
  // Of the U-Net; what they let go of is let go of for all jobs.
  std::unique_ptr<ReleasableWeights> releasable;
};

// Whether the weights of the U-Net's linear layers and convolutions are in memory at once, or let
// go of from the beginning: `releasable` must then be told what to read before the U-Net is used,
// and what a chain computes in another form never has to be in memory.
enum class UNetWeights { kRead, kDeferred };

// Builds the networks of a checkpoint, with `loras` merged into their weights. INVALID_ARGUMENT
// names the tensor or the entry that does not fit; FAILED_PRECONDITION says which tokenizer file is
// missing.
absl::StatusOr<std::unique_ptr<const LoadedModel>> LoadModel(const Checkpoint& checkpoint,
                                                             const ComputeOptions& compute,
                                                             const TokenizerSources& tokenizers,
                                                             const LoraSet& loras,
                                                             UNetWeights unet_weights);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_LOADED_MODEL_H_
