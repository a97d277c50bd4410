#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_LDM_NAMES_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_LDM_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {

// The spelling of latent diffusion's single files
// ("input_blocks.4.1.transformer_blocks.0.attn1.to_q") against that of diffusers
// ("down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"). All functions take a module's
// path or a tensor's name, without the component's prefix ("model.diffusion_model."), and give
// nothing for a name that is not in their spelling.

// What the numbering of a U-Net's blocks depends on.
struct UNetLdmLayout {
  // Resnets of each down block; an up block has one more.
  int64_t layers_per_block = 2;
  // Whether each up block has attention: its upsampler then comes third in its LDM block, else
  // second.
  std::vector<bool> up_block_has_attention;

  // From a U-Net under diffusers names.
  static UNetLdmLayout FromDiffusers(const WeightMap& unet);
};

std::optional<std::string> UNetDiffusersName(std::string_view ldm_name, int64_t layers_per_block);
std::optional<std::string> UNetLdmName(std::string_view diffusers_name,
                                       const UNetLdmLayout& layout);

// levels: how many levels of resolution the autoencoder has; LDM counts the decoder's from the
// finest.
std::optional<std::string> AutoencoderDiffusersName(std::string_view ldm_name, int64_t levels);
std::optional<std::string> AutoencoderLdmName(std::string_view diffusers_name, int64_t levels);

// OpenCLIP's text transformer to transformers' CLIPTextModel, except for its joint projections
// ("attn.in_proj_weight"), whose split is no matter of names.
std::optional<std::string> TextEncoderDiffusersName(std::string_view open_clip_name);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_LDM_NAMES_H_
