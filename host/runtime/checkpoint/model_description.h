#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_MODEL_DESCRIPTION_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_MODEL_DESCRIPTION_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace patchbay {

enum class ModelFamily {
  kStableDiffusion1,
  kStableDiffusion2,
  kStableDiffusionXl,
  kStableDiffusionXlRefiner,
  kPlayground,  // SDXL's networks, trained with EDM preconditioning (arXiv:2402.17245)
  kKolors,      // SDXL's U-Net behind a wider text encoder's projection
};

// "sd1", "sd2", "sdxl", "sdxl_refiner", "playground", "kolors".
std::string_view ModelFamilyName(ModelFamily family);

// How the files of a checkpoint are arranged.
enum class CheckpointLayout {
  kFolder,      // diffusers: model_index.json and a folder for each component
  kSingleFile,  // latent diffusion's and the UIs' one safetensors file
};

struct ComponentSummary {
  std::string name;  // "unet", "vae", "text_encoder", "text_encoder_2"
  // Numbers in all its tensors.
  int64_t parameters = 0;
  // Stored bytes by element type as the file's format spells it: {"F16": 1719041928}.
  std::map<std::string, int64_t> bytes;
  // Some of it is stored in blocks of integers, which become numbers of the precision that the
  // program computes with when they are loaded.
  bool quantized = false;
};

// What a checkpoint is, apart from its weights.
struct ModelDescription {
  std::string path;
  // Where everything but the U-Net comes from when `path` is a file with a U-Net alone; otherwise
  // empty.
  std::string other_parts;
  // Of `other_parts` where there are such.
  CheckpointLayout layout = CheckpointLayout::kFolder;
  ModelFamily family = ModelFamily::kStableDiffusion1;

  // Of the U-Net. 9 input channels: latent, mask and masked picture (inpainting); 8: latent and
  // picture (editing by instruction).
  int64_t in_channels = 4;
  int64_t out_channels = 4;
  // Of the autoencoder.
  int64_t latent_channels = 4;
  // Pixels for each latent unit along one side.
  int64_t latent_scale = 8;
  // Height and width in pixels that the model was made for.
  int64_t native_size = 512;

  // What the U-Net's output means, as diffusers spells it: "epsilon", "v_prediction" or "sample".
  std::string prediction_type = "epsilon";
  // Inputs and outputs are preconditioned as in EDM (arXiv:2206.00364).
  bool edm_preconditioning = false;
  // diffusers' scheduler_config.json: the folder's own, or what a single file leaves unsaid.
  std::string scheduler_json;

  // Which hidden state of the text encoder the model was trained with, counted as A1111 and ComfyUI
  // count: 1 the last, 2 the one before.
  int64_t clip_skip = 1;
  // SDXL: an absent negative prompt stands for zeros instead of the empty text.
  bool force_zeros_for_empty_prompt = false;
  // The refiner: an aesthetic score in place of the target size.
  bool requires_aesthetics_score = false;

  // Channels of the U-Net's outermost level: what each latent unit takes while it is drawn.
  int64_t unet_width = 0;
  // Layers of each text encoder that are stored, in order.
  std::vector<int64_t> text_layers;

  std::vector<ComponentSummary> components;
  // The tokenizer folder of each text encoder, in order; an empty text stands for CLIP's own
  // vocabulary, which comes with the program.
  std::vector<std::string> tokenizer_folders;
  // What was found in the files and is not used.
  std::vector<std::string> warnings;
};

// Looks at the headers of a checkpoint's files without reading its weights. Errors as
// OpenCheckpoint.
absl::StatusOr<ModelDescription> DescribeCheckpoint(const std::string& path);

// For people to read, several lines.
std::string DescriptionText(const ModelDescription& description);
// One JSON object.
std::string DescriptionJson(const ModelDescription& description);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_MODEL_DESCRIPTION_H_
