#include "host/runtime/checkpoint/unet_config.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/config_reader.h"
#include "host/runtime/checkpoint/weight_names.h"

namespace patchbay {
namespace {

constexpr int64_t kSd1TextWidth = 768;
constexpr int64_t kSd1Heads = 8;
constexpr int64_t kHeadWidth = 64;
constexpr int64_t kMaxSampleSize = 16384;
constexpr size_t kDefaultLevels = 4;  // diffusers' default for block_out_channels

constexpr std::string_view kSilu[] = {"silu", "swish"};
constexpr std::string_view kDownBlocks[] = {"CrossAttnDownBlock2D", "DownBlock2D"};
constexpr std::string_view kMidBlock[] = {"UNetMidBlock2DCrossAttn"};
constexpr std::string_view kUpBlocks[] = {"CrossAttnUpBlock2D", "UpBlock2D"};
constexpr std::string_view kDefault[] = {"default"};
constexpr std::string_view kPositional[] = {"positional"};
constexpr std::string_view kTextTime[] = {"text_time"};
constexpr std::string_view kTextProjection[] = {"text_proj"};

// Widths and depths, which are read off the weights, and what only training or special inputs use.
constexpr std::string_view kIgnored[] = {"in_channels",
                                         "out_channels",
                                         "block_out_channels",
                                         "layers_per_block",
                                         "cross_attention_dim",
                                         "transformer_layers_per_block",
                                         "reverse_transformer_layers_per_block",
                                         "encoder_hid_dim",
                                         "use_linear_projection",
                                         "projection_class_embeddings_input_dim",
                                         "time_embedding_dim",
                                         "time_cond_proj_dim",
                                         "addition_embed_type_num_heads",
                                         "dropout"};

// Entries with one supported meaning each.
void RefuseOtherMathematics(ConfigReader& config) {
  config.RequireBoolean("center_input_sample", false);
  config.RequireTexts("down_block_types", kDownBlocks);
  config.RequireText("mid_block_type", kMidBlock);
  config.RequireTexts("up_block_types", kUpBlocks);
  config.RequireNumber("downsample_padding", 1);
  config.RequireNumber("mid_block_scale_factor", 1);
  config.RequireText("act_fn", kSilu);
  config.RequireText("encoder_hid_dim_type", kTextProjection);
  config.RequireAbsent("num_attention_heads");
  config.RequireBoolean("dual_cross_attention", false);
  config.RequireAbsent("class_embed_type");
  config.RequireAbsent("num_class_embeds");
  config.RequireText("addition_embed_type", kTextTime);
  config.RequireText("resnet_time_scale_shift", kDefault);
  config.RequireBoolean("resnet_skip_time_act", false);
  config.RequireNumber("resnet_out_scale_factor", 1);
  config.RequireText("time_embedding_type", kPositional);
  config.RequireAbsent("time_embedding_act_fn");
  config.RequireAbsent("timestep_post_act");
  config.RequireNumber("conv_in_kernel", 3);
  config.RequireNumber("conv_out_kernel", 3);
  config.RequireText("attention_type", kDefault);
  config.RequireBoolean("class_embeddings_concat", false);
  config.RequireBoolean("mid_block_only_cross_attention", false);
  config.RequireAbsent("cross_attention_norm");
}

// The path of any attention of this block; nothing when it has none.
std::optional<std::string> FirstAttention(const WeightMap& unet, std::string_view block) {
  for (int64_t i = 0; i < CountChildren(unet, absl::StrCat(std::string(block), ".attentions"));
       ++i) {
    const std::string path =
        absl::StrCat(std::string(block), ".attentions.", i, ".transformer_blocks.0.attn1");
    if (unet.count(absl::StrCat(path, ".to_q.weight")) != 0) return path;
  }
  return std::nullopt;
}

// What attention works on at a block: rows of its query projection; 0 without attention.
int64_t AttentionWidth(const WeightMap& unet, std::string_view block) {
  const std::optional<std::string> path = FirstAttention(unet, block);
  return path ? WeightSize(unet, absl::StrCat(*path, ".to_q.weight"), 0) : 0;
}

absl::Status CheckHeads(const WeightMap& unet, const std::string& block, int64_t heads) {
  const int64_t width = AttentionWidth(unet, block);
  if (heads >= 1 && width % heads == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the U-Net's configuration does not fit its weights: ", block, " cannot split ",
                   width, " channels into ", heads, " attention heads (attention_head_dim)"));
}

absl::Status CheckNormGroups(const WeightMap& unet, int64_t level, int64_t groups) {
  const std::string name = absl::StrCat("down_blocks.", level, ".resnets.0.conv1.weight");
  const int64_t width = WeightSize(unet, name, 0);
  if (width % groups == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the U-Net's configuration does not fit its weights: ", width, " channels of down_blocks.",
      level, " cannot be normalized in ", groups, " groups (norm_num_groups)"));
}

}  // namespace

absl::StatusOr<UNetConfig> ParseUNetConfig(std::string_view json, std::string_view file,
                                           std::vector<std::string>& warnings) {
  PATCHBAY_ASSIGN_OR_RETURN(ConfigReader config, ConfigReader::Parse(json, file));
  RefuseOtherMathematics(config);
  config.Ignore(kIgnored);

  UNetConfig result;
  const auto refuse_unless_positive = [&config](std::string_view name, double value) {
    if (!(value > 0)) config.Refuse(name, "should be greater than 0");
  };
  result.heads = config.Integers("attention_head_dim");
  if (result.heads.empty()) result.heads = {kSd1Heads};
  for (const int64_t heads : result.heads) {
    refuse_unless_positive("attention_head_dim", static_cast<double>(heads));
  }
  // One number stands for all levels.
  const size_t levels = config.Integers("block_out_channels").size();
  if (result.heads.size() == 1) {
    result.heads.resize(levels > 0 ? levels : kDefaultLevels, result.heads.front());
  }
  result.mid_heads = result.heads.back();
  result.norm_groups = config.Integer("norm_num_groups", result.norm_groups);
  refuse_unless_positive("norm_num_groups", static_cast<double>(result.norm_groups));
  result.norm_eps = config.Number("norm_eps", result.norm_eps);
  refuse_unless_positive("norm_eps", result.norm_eps);
  result.upcast_attention = config.Boolean("upcast_attention", false);
  result.flip_sin_to_cos = config.Boolean("flip_sin_to_cos", true);
  result.freq_shift = config.Number("freq_shift", 0);
  result.addition_time_embed_dim =
      config.Integer("addition_time_embed_dim", result.addition_time_embed_dim);
  refuse_unless_positive("addition_time_embed_dim",
                         static_cast<double>(result.addition_time_embed_dim));
  const std::vector<int64_t> sample_size = config.Integers("sample_size");
  if (!sample_size.empty()) result.sample_size = sample_size.front();
  if (result.sample_size < 0 || result.sample_size > kMaxSampleSize) {
    config.Refuse("sample_size", absl::StrCat("should be between 1 and ", kMaxSampleSize,
                                              " (latent units along one side)"));
  }
  PATCHBAY_RETURN_IF_ERROR(config.Finish(warnings));
  return result;
}

UNetConfig DeriveUNetConfig(const WeightMap& unet) {
  UNetConfig config;
  const int64_t levels = CountChildren(unet, "down_blocks");
  bool linear_projection = false;
  int64_t text_width = 0;
  for (const auto& [name, stored] : unet) {
    if (name.ends_with(".proj_in.weight")) linear_projection |= stored.tensor.dim() == 2;
    if (name.ends_with(".attn2.to_k.weight")) text_width = stored.tensor.size(-1);
  }
  const bool sd1 = text_width == kSd1TextWidth && !linear_projection;
  // A level without attention gets the number that its width would give; nothing uses it.
  for (int64_t level = 0; level < levels; ++level) {
    const int64_t width =
        WeightSize(unet, absl::StrCat("down_blocks.", level, ".resnets.0.conv1.weight"), 0);
    config.heads.push_back(sd1 ? kSd1Heads : std::max<int64_t>(1, width / kHeadWidth));
  }
  if (!config.heads.empty()) config.mid_heads = config.heads.back();
  return config;
}

absl::Status CheckUNetConfig(const UNetConfig& config, const WeightMap& unet) {
  const int64_t levels = CountChildren(unet, "down_blocks");
  if (static_cast<int64_t>(config.heads.size()) != levels) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the U-Net's configuration does not fit its weights: it gives attention heads for ",
        config.heads.size(), " levels (attention_head_dim, block_out_channels), and there are ",
        levels));
  }
  for (int64_t level = 0; level < levels; ++level) {
    PATCHBAY_RETURN_IF_ERROR(CheckNormGroups(unet, level, config.norm_groups));
    const int64_t heads = config.heads[static_cast<size_t>(level)];
    PATCHBAY_RETURN_IF_ERROR(CheckHeads(unet, absl::StrCat("down_blocks.", level), heads));
    PATCHBAY_RETURN_IF_ERROR(
        CheckHeads(unet, absl::StrCat("up_blocks.", levels - 1 - level), heads));
  }
  return CheckHeads(unet, "mid_block", config.mid_heads);
}

}  // namespace patchbay
