#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_PREDICTION_TYPE_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_PREDICTION_TYPE_H_

#include <string>

#include "host/runtime/checkpoint/checkpoint_file.h"
#include "host/runtime/checkpoint/model_description.h"
#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {

// How a single file tells what its U-Net predicts; first sign wins:
// the tensor "v_pred" or "edm_vpred.sigma_max" (SDXL fine-tunes), a scheduler's configuration in
// the metadata, metadata "modelspec.prediction_type", a YAML file of the same name beside it that
// says parameterization "v" (A1111), and for the second generation the spread of one bias, which
// training for velocity makes large (ComfyUI's rule).
std::string FindPredictionType(const CheckpointFile& file, ModelFamily family,
                               const WeightMap& unet);

// Whether the model asks for EDM preconditioning: it carries the mean and spread of its latents
// (Playground v2.5).
bool UsesEdm(const CheckpointFile& file);

// Whether the model was trained down to zero signal ("ztsnr").
bool HasZeroTerminalSnr(const CheckpointFile& file);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_PREDICTION_TYPE_H_
