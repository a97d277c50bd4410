#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_CHECKPOINT_PARTS_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_CHECKPOINT_PARTS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/checkpoint.h"

namespace patchbay {

// What folders and single files share once their tensors carry diffusers' names.

// Brings a U-Net's tensors from latent diffusion's names to diffusers'. Names that are not
// understood stay as they are (diffusers' own among them): whoever builds the network reports them.
WeightMap UNetUnderDiffusersNames(WeightMap unet);
// Brings a text encoder's tensors to the names of TextEncoderPart::weights: files of transformers 5
// leave "text_model." out. Tables that are no weights ("position_ids") are dropped.
WeightMap NormalizedTextEncoder(WeightMap weights);
// Files older than diffusers 0.17 name the autoencoder's attention query, key, value and proj_attn.
WeightMap NormalizedAutoencoder(WeightMap weights);

// How many of CLIP's tokens a text encoder knows: all, or fewer where it was made with the first of
// them only. Rows behind CLIP's vocabulary are somebody's textual inversions.
int64_t ClipVocabularySize(const WeightMap& text_encoder);

// Finds the family by the networks' structure, never by widths alone: a small model of the same
// structure is of the same family. `edm`: the model asks for EDM preconditioning.
ModelFamily DeriveFamily(const Checkpoint& checkpoint, bool edm);

// Fills in what the description owes to the weights: family, channels, sizes, clip skip, summaries.
// description.edm_preconditioning and description.prediction_type must be set before.
void DescribeWeights(Checkpoint& checkpoint);

// diffusers' scheduler_config.json for a file that carries none: what the family's first release
// ships. rescale: betas are rescaled to zero terminal signal-to-noise ratio.
std::string DefaultSchedulerJson(ModelFamily family, const std::string& prediction_type,
                                 bool rescale);

// Sets description.prediction_type and the same entry of scheduler_json. INVALID_ARGUMENT for an
// unknown spelling.
absl::Status OverridePredictionType(const std::string& prediction_type,
                                    ModelDescription& description);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_CHECKPOINT_PARTS_H_
