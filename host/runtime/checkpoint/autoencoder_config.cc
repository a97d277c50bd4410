#include "host/runtime/checkpoint/autoencoder_config.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/config_reader.h"
#include "host/runtime/checkpoint/weight_names.h"

namespace patchbay {
namespace {

constexpr std::string_view kSilu[] = {"silu", "swish"};
constexpr std::string_view kDownBlocks[] = {"DownEncoderBlock2D"};
constexpr std::string_view kUpBlocks[] = {"UpDecoderBlock2D"};
constexpr std::string_view kIgnored[] = {
    "in_channels", "out_channels",   "block_out_channels",  "layers_per_block",
    "sample_size", "use_quant_conv", "use_post_quant_conv", "mid_block_add_attention"};

}  // namespace

absl::StatusOr<AutoencoderConfig> ParseAutoencoderConfig(std::string_view json,
                                                         std::string_view file,
                                                         std::vector<std::string>& warnings) {
  PATCHBAY_ASSIGN_OR_RETURN(ConfigReader config, ConfigReader::Parse(json, file));
  config.RequireTexts("down_block_types", kDownBlocks);
  config.RequireTexts("up_block_types", kUpBlocks);
  config.RequireText("act_fn", kSilu);
  config.Ignore(kIgnored);

  AutoencoderConfig result;
  result.latent_channels = config.Integer("latent_channels", result.latent_channels);
  result.norm_groups = config.Integer("norm_num_groups", result.norm_groups);
  result.scaling_factor = config.Number("scaling_factor", result.scaling_factor);
  result.shift_factor = config.Number("shift_factor", result.shift_factor);
  result.latents_mean = config.Numbers("latents_mean");
  result.latents_std = config.Numbers("latents_std");
  result.force_upcast = config.Boolean("force_upcast", true);
  if (result.latent_channels < 1) config.Refuse("latent_channels", "should be at least 1");
  if (result.norm_groups < 1) config.Refuse("norm_num_groups", "should be at least 1");
  if (!(result.scaling_factor > 0)) config.Refuse("scaling_factor", "should be greater than 0");
  const size_t channels = static_cast<size_t>(std::max<int64_t>(result.latent_channels, 1));
  if (result.latents_mean.size() != result.latents_std.size() ||
      (!result.latents_mean.empty() && result.latents_mean.size() != channels)) {
    config.Refuse("latents_mean", absl::StrCat("and `latents_std` should both have ", channels,
                                               " numbers, one for each latent channel"));
  }
  for (const double deviation : result.latents_std) {
    if (!(deviation > 0)) config.Refuse("latents_std", "should hold numbers greater than 0");
  }
  PATCHBAY_RETURN_IF_ERROR(config.Finish(warnings));
  return result;
}

AutoencoderConfig DeriveAutoencoderConfig(const WeightMap& autoencoder) {
  AutoencoderConfig config;
  const int64_t channels = WeightSize(autoencoder, "decoder.conv_in.weight", 1);
  if (channels > 0) config.latent_channels = channels;
  return config;
}

}  // namespace patchbay
