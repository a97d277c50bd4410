#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_UNET_CONFIG_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_UNET_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {

// What a U-Net's stored tensors cannot tell about its mathematics. Depths, widths, which levels
// have attention and whether its projections are linear layers follow from names and shapes. Terms:
// UNet2DConditionModel of diffusers.
struct UNetConfig {
  // Attention heads of each level, outermost first; the up blocks mirror the list. Called
  // "attention_head_dim" in diffusers' files, by a historical mistake.
  std::vector<int64_t> heads;
  // Of the mid block.
  int64_t mid_heads = 8;
  int64_t norm_groups = 32;
  double norm_eps = 1e-5;
  // Attention scores in fp32 (Stable Diffusion 2.1 overflows fp16 otherwise).
  bool upcast_attention = false;
  // The sinusoidal timestep embedding: cosines before sines; what is subtracted from half the
  // width.
  bool flip_sin_to_cos = true;
  double freq_shift = 0;
  // Width of each embedded number of SDXL's size conditioning.
  int64_t addition_time_embed_dim = 256;
  // Height and width in latent units that the model was made for; 0 when unknown.
  int64_t sample_size = 0;
};

// Reads unet/config.json. INVALID_ARGUMENT names `file` and the entry when the text is malformed or
// asks for mathematics that this program does not have. Entries that are not understood and are set
// to something are added to `warnings`.
absl::StatusOr<UNetConfig> ParseUNetConfig(std::string_view json, std::string_view file,
                                           std::vector<std::string>& warnings);

// What a single file leaves unsaid, by the rule of all published models: 8 heads where the text is
// 768 wide and projections are convolutions (SD1), otherwise heads of width 64.
UNetConfig DeriveUNetConfig(const WeightMap& unet);

// Checks that the numbers of heads fit the stored shapes. INVALID_ARGUMENT says which level does
// not.
absl::Status CheckUNetConfig(const UNetConfig& config, const WeightMap& unet);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_UNET_CONFIG_H_
