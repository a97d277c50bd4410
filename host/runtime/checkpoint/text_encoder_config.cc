#include "host/runtime/checkpoint/text_encoder_config.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/config_reader.h"
#include "host/runtime/checkpoint/weight_names.h"

namespace patchbay {
namespace {

constexpr std::string_view kTokenEmbedding = "text_model.embeddings.token_embedding.weight";
constexpr int64_t kClipWidth = 768;
constexpr int64_t kHeadWidth = 64;

constexpr std::string_view kModelTypes[] = {"clip_text_model", "clip"};
constexpr std::string_view kActivations[] = {"quick_gelu", "gelu"};
// Widths and depths, which are read off the weights; token ids, which the tokenizer knows better;
// and what only training uses.
constexpr std::string_view kIgnored[] = {"architectures",
                                         "attention_dropout",
                                         "bos_token_id",
                                         "dropout",
                                         "hidden_size",
                                         "initializer_factor",
                                         "initializer_range",
                                         "intermediate_size",
                                         "dtype",
                                         "max_position_embeddings",
                                         "num_hidden_layers",
                                         "pad_token_id",
                                         "projection_dim",
                                         "torch_dtype",
                                         "transformers_version",
                                         "vocab_size",
                                         "return_dict",
                                         "tie_word_embeddings"};

}  // namespace

absl::StatusOr<TextEncoderConfig> ParseTextEncoderConfig(std::string_view json,
                                                         std::string_view file,
                                                         std::vector<std::string>& warnings) {
  PATCHBAY_ASSIGN_OR_RETURN(ConfigReader config, ConfigReader::Parse(json, file));
  config.RequireText("model_type", kModelTypes);
  config.RequireText("hidden_act", kActivations);
  config.Ignore(kIgnored);

  TextEncoderConfig result;
  // Absent entries mean what they mean to CLIPTextConfig.
  result.heads = config.Integer("num_attention_heads", 8);
  if (result.heads < 1) config.Refuse("num_attention_heads", "should be at least 1");
  result.activation = config.Text("hidden_act", "quick_gelu") == "gelu"
                          ? TextActivation::kGelu
                          : TextActivation::kQuickGelu;
  result.layer_norm_eps = config.Number("layer_norm_eps", result.layer_norm_eps);
  if (!(result.layer_norm_eps > 0)) {
    config.Refuse("layer_norm_eps", "should be greater than 0");
  }
  result.eos_token_id = config.Integer("eos_token_id", 49407);
  PATCHBAY_RETURN_IF_ERROR(config.Finish(warnings));
  return result;
}

TextEncoderConfig DeriveTextEncoderConfig(const WeightMap& text_encoder) {
  const int64_t width = WeightSize(text_encoder, kTokenEmbedding, 1);
  TextEncoderConfig config;
  config.heads = std::max<int64_t>(1, width / kHeadWidth);
  config.activation = width == kClipWidth ? TextActivation::kQuickGelu : TextActivation::kGelu;
  return config;
}

absl::Status CheckTextEncoderConfig(const TextEncoderConfig& config,
                                    const WeightMap& text_encoder) {
  const int64_t width = WeightSize(text_encoder, kTokenEmbedding, 1);
  if (config.heads >= 1 && width % config.heads == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "a text encoder's configuration does not fit its weights: it cannot split ", width,
      " channels into ", config.heads, " attention heads (num_attention_heads)"));
}

}  // namespace patchbay
