#include "host/runtime/checkpoint/ldm_names.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "host/runtime/checkpoint/weight_names.h"

namespace patchbay {
namespace {

struct NamePair {
  std::string_view ldm;
  std::string_view diffusers;
};

// Modules that stand for themselves, of the U-Net ...
constexpr NamePair kUNetModules[] = {
    {"time_embed.0", "time_embedding.linear_1"},
    {"time_embed.2", "time_embedding.linear_2"},
    {"time_embed.cond_proj", "time_embedding.cond_proj"},
    {"label_emb.0.0", "add_embedding.linear_1"},
    {"label_emb.0.2", "add_embedding.linear_2"},
    {"input_blocks.0.0", "conv_in"},
    {"out.0", "conv_norm_out"},
    {"out.2", "conv_out"},
};
constexpr NamePair kUNetResnetModules[] = {
    {"in_layers.0", "norm1"},  {"in_layers.2", "conv1"},  {"emb_layers.1", "time_emb_proj"},
    {"out_layers.0", "norm2"}, {"out_layers.3", "conv2"}, {"skip_connection", "conv_shortcut"},
};

// ... of the autoencoder, its two halves alike ...
constexpr NamePair kAutoencoderModules[] = {
    {"quant_conv", "quant_conv"},
    {"post_quant_conv", "post_quant_conv"},
};
constexpr NamePair kAutoencoderHalfModules[] = {
    {"conv_in", "conv_in"},
    {"conv_out", "conv_out"},
    {"norm_out", "conv_norm_out"},
    {"mid.block_1", "mid_block.resnets.0"},
    {"mid.block_2", "mid_block.resnets.1"},
    {"mid.attn_1", "mid_block.attentions.0"},
};
constexpr NamePair kAutoencoderResnetModules[] = {
    {"norm1", "norm1"},
    {"conv1", "conv1"},
    {"norm2", "norm2"},
    {"conv2", "conv2"},
    {"nin_shortcut", "conv_shortcut"},
};
constexpr NamePair kAutoencoderAttentionModules[] = {
    {"norm", "group_norm"}, {"q", "to_q"}, {"k", "to_k"}, {"v", "to_v"}, {"proj_out", "to_out.0"},
};

// ... and of the text encoder.
constexpr NamePair kTextModules[] = {
    {"positional_embedding", "text_model.embeddings.position_embedding.weight"},
    {"token_embedding", "text_model.embeddings.token_embedding"},
    {"ln_final", "text_model.final_layer_norm"},
    {"text_projection", "text_projection.weight"},
};
constexpr NamePair kTextLayerModules[] = {
    {"ln_1", "layer_norm1"},
    {"ln_2", "layer_norm2"},
    {"mlp.c_fc", "mlp.fc1"},
    {"mlp.c_proj", "mlp.fc2"},
    {"attn.out_proj", "self_attn.out_proj"},
};

// Whether `name` is `module` or lies below it; `rest` is then what follows ("" or ".weight").
bool IsAtOrBelow(std::string_view name, std::string_view module, std::string_view& rest) {
  if (!name.starts_with(module)) return false;
  rest = name.substr(module.size());
  return rest.empty() || rest.front() == '.';
}

std::string Joined(std::string_view a, std::string_view b) {
  std::string text(a);
  text += b;
  return text;
}

std::optional<std::string> ToDiffusers(std::string_view name, absl::Span<const NamePair> table) {
  std::string_view rest;
  for (const NamePair& pair : table) {
    if (IsAtOrBelow(name, pair.ldm, rest)) return Joined(pair.diffusers, rest);
  }
  return std::nullopt;
}

std::optional<std::string> ToLdm(std::string_view name, absl::Span<const NamePair> table) {
  std::string_view rest;
  for (const NamePair& pair : table) {
    if (IsAtOrBelow(name, pair.diffusers, rest)) return Joined(pair.ldm, rest);
  }
  return std::nullopt;
}

// Takes names apart from the left. All methods leave the text as it was when they do not match.
class NameScanner {
 public:
  explicit NameScanner(std::string_view text) : text_(text) {}

  // `word`, which ends where the name ends or with a dot of its own.
  bool Skip(std::string_view word) {
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  // A number and the dot after it, if any.
  std::optional<int64_t> Number() {
    const size_t end = std::min(text_.find('.'), text_.size());
    int64_t value = 0;
    // More digits than any block has would only overflow the arithmetic on them.
    if (end == 0 || end > 6 || text_[0] < '0' || text_[0] > '9' ||
        !absl::SimpleAtoi(std::string(text_.substr(0, end)), &value)) {
      return std::nullopt;
    }
    text_.remove_prefix(std::min(end + 1, text_.size()));
    return value;
  }
  std::string_view rest() const { return text_; }

 private:
  std::string_view text_;
};

// "path" and "inner" with a dot between, or `path` alone when nothing follows.
std::optional<std::string> Below(const std::string& path, std::optional<std::string> inner) {
  if (!inner) return std::nullopt;
  return inner->empty() ? path : absl::StrCat(path, ".", *inner);
}

// The inside of a resnet; the resnet itself has no inside.
std::optional<std::string> InnerDiffusers(std::string_view rest, absl::Span<const NamePair> table) {
  if (rest.empty()) return std::string();
  return ToDiffusers(rest, table);
}

std::optional<std::string> InnerLdm(std::string_view rest, absl::Span<const NamePair> table) {
  if (rest.empty()) return std::string();
  return ToLdm(rest, table);
}

std::optional<std::string> InputBlockDiffusersName(NameScanner scanner, int64_t layers) {
  const std::optional<int64_t> index = scanner.Number();
  const std::optional<int64_t> position = scanner.Number();
  if (!index || !position || *index < 1) return std::nullopt;
  const std::string block = absl::StrCat("down_blocks.", (*index - 1) / (layers + 1));
  const int64_t slot = (*index - 1) % (layers + 1);
  if (slot == layers) {
    if (*position != 0 || !scanner.Skip("op")) return std::nullopt;
    return Joined(absl::StrCat(block, ".downsamplers.0.conv"), scanner.rest());
  }
  if (*position == 0) {
    return Below(absl::StrCat(block, ".resnets.", slot),
                 InnerDiffusers(scanner.rest(), kUNetResnetModules));
  }
  if (*position != 1) return std::nullopt;
  return Below(absl::StrCat(block, ".attentions.", slot), std::string(scanner.rest()));
}

std::optional<std::string> MiddleBlockDiffusersName(NameScanner scanner) {
  const std::optional<int64_t> index = scanner.Number();
  if (!index) return std::nullopt;
  if (*index % 2 == 1) {
    return Below(absl::StrCat("mid_block.attentions.", *index / 2), std::string(scanner.rest()));
  }
  return Below(absl::StrCat("mid_block.resnets.", *index / 2),
               InnerDiffusers(scanner.rest(), kUNetResnetModules));
}

std::optional<std::string> OutputBlockDiffusersName(NameScanner scanner, int64_t layers) {
  const std::optional<int64_t> index = scanner.Number();
  const std::optional<int64_t> position = scanner.Number();
  if (!index || !position) return std::nullopt;
  const std::string block = absl::StrCat("up_blocks.", *index / (layers + 1));
  const int64_t slot = *index % (layers + 1);
  if (*position == 0) {
    return Below(absl::StrCat(block, ".resnets.", slot),
                 InnerDiffusers(scanner.rest(), kUNetResnetModules));
  }
  std::string_view rest;
  if (IsAtOrBelow(scanner.rest(), "conv", rest)) {
    return Joined(absl::StrCat(block, ".upsamplers.0.conv"), rest);
  }
  if (*position != 1) return std::nullopt;
  return Below(absl::StrCat(block, ".attentions.", slot), std::string(scanner.rest()));
}

std::optional<std::string> DownBlockLdmName(NameScanner scanner, int64_t layers) {
  const std::optional<int64_t> block = scanner.Number();
  if (!block) return std::nullopt;
  const int64_t first = *block * (layers + 1) + 1;
  if (scanner.Skip("downsamplers.0.conv")) {
    return Joined(absl::StrCat("input_blocks.", first + layers, ".0.op"), scanner.rest());
  }
  if (scanner.rest() == "downsamplers.0") {
    return absl::StrCat("input_blocks.", first + layers, ".0");
  }
  const bool resnet = scanner.Skip("resnets.");
  if (!resnet && !scanner.Skip("attentions.")) return std::nullopt;
  const std::optional<int64_t> slot = scanner.Number();
  if (!slot) return std::nullopt;
  const std::string path = absl::StrCat("input_blocks.", first + *slot, resnet ? ".0" : ".1");
  return Below(path, resnet ? InnerLdm(scanner.rest(), kUNetResnetModules)
                            : std::optional<std::string>(scanner.rest()));
}

std::optional<std::string> MidBlockLdmName(NameScanner scanner) {
  const bool resnet = scanner.Skip("resnets.");
  if (!resnet && !scanner.Skip("attentions.")) return std::nullopt;
  const std::optional<int64_t> slot = scanner.Number();
  if (!slot) return std::nullopt;
  const std::string path = absl::StrCat("middle_block.", *slot * 2 + (resnet ? 0 : 1));
  return Below(path, resnet ? InnerLdm(scanner.rest(), kUNetResnetModules)
                            : std::optional<std::string>(scanner.rest()));
}

std::optional<std::string> UpBlockLdmName(NameScanner scanner, const UNetLdmLayout& layout) {
  const std::optional<int64_t> block = scanner.Number();
  if (!block) return std::nullopt;
  const int64_t first = *block * (layout.layers_per_block + 1);
  const bool upsampler_convolution = scanner.Skip("upsamplers.0.conv");
  if (upsampler_convolution || scanner.rest() == "upsamplers.0") {
    const size_t index = static_cast<size_t>(*block);
    if (index >= layout.up_block_has_attention.size()) return std::nullopt;
    const int position = layout.up_block_has_attention[index] ? 2 : 1;
    const std::string module =
        absl::StrCat("output_blocks.", first + layout.layers_per_block, ".", position);
    return upsampler_convolution ? Joined(absl::StrCat(module, ".conv"), scanner.rest()) : module;
  }
  const bool resnet = scanner.Skip("resnets.");
  if (!resnet && !scanner.Skip("attentions.")) return std::nullopt;
  const std::optional<int64_t> slot = scanner.Number();
  if (!slot) return std::nullopt;
  const std::string path = absl::StrCat("output_blocks.", first + *slot, resnet ? ".0" : ".1");
  return Below(path, resnet ? InnerLdm(scanner.rest(), kUNetResnetModules)
                            : std::optional<std::string>(scanner.rest()));
}

// Within "encoder." or "decoder.".
std::optional<std::string> AutoencoderHalfDiffusersName(std::string_view name, int64_t levels) {
  NameScanner scanner(name);
  const bool down = scanner.Skip("down.");
  if (down || scanner.Skip("up.")) {
    const std::optional<int64_t> level = scanner.Number();
    if (!level || *level >= levels) return std::nullopt;
    const std::string block = down ? absl::StrCat("down_blocks.", *level)
                                   : absl::StrCat("up_blocks.", levels - 1 - *level);
    if (scanner.Skip(down ? "downsample.conv" : "upsample.conv")) {
      return Joined(absl::StrCat(block, down ? ".downsamplers.0.conv" : ".upsamplers.0.conv"),
                    scanner.rest());
    }
    if (!scanner.Skip("block.")) return std::nullopt;
    const std::optional<int64_t> slot = scanner.Number();
    if (!slot) return std::nullopt;
    return Below(absl::StrCat(block, ".resnets.", *slot),
                 InnerDiffusers(scanner.rest(), kAutoencoderResnetModules));
  }
  for (const NamePair& pair : kAutoencoderHalfModules) {
    std::string_view rest;
    if (!IsAtOrBelow(name, pair.ldm, rest)) continue;
    if (!rest.empty()) rest.remove_prefix(1);
    if (pair.ldm.starts_with("mid.block")) {
      return Below(std::string(pair.diffusers), InnerDiffusers(rest, kAutoencoderResnetModules));
    }
    if (pair.ldm.starts_with("mid.attn")) {
      return Below(std::string(pair.diffusers), InnerDiffusers(rest, kAutoencoderAttentionModules));
    }
    return Below(std::string(pair.diffusers), std::string(rest));
  }
  return std::nullopt;
}

std::optional<std::string> AutoencoderHalfLdmName(std::string_view name, int64_t levels) {
  NameScanner scanner(name);
  const bool down = scanner.Skip("down_blocks.");
  if (down || scanner.Skip("up_blocks.")) {
    const std::optional<int64_t> block = scanner.Number();
    if (!block || *block >= levels) return std::nullopt;
    const std::string level =
        down ? absl::StrCat("down.", *block) : absl::StrCat("up.", levels - 1 - *block);
    if (scanner.Skip(down ? "downsamplers.0.conv" : "upsamplers.0.conv")) {
      return Joined(absl::StrCat(level, down ? ".downsample.conv" : ".upsample.conv"),
                    scanner.rest());
    }
    if (!scanner.Skip("resnets.")) return std::nullopt;
    const std::optional<int64_t> slot = scanner.Number();
    if (!slot) return std::nullopt;
    return Below(absl::StrCat(level, ".block.", *slot),
                 InnerLdm(scanner.rest(), kAutoencoderResnetModules));
  }
  for (const NamePair& pair : kAutoencoderHalfModules) {
    std::string_view rest;
    if (!IsAtOrBelow(name, pair.diffusers, rest)) continue;
    if (!rest.empty()) rest.remove_prefix(1);
    if (pair.ldm.starts_with("mid.block")) {
      return Below(std::string(pair.ldm), InnerLdm(rest, kAutoencoderResnetModules));
    }
    if (pair.ldm.starts_with("mid.attn")) {
      return Below(std::string(pair.ldm), InnerLdm(rest, kAutoencoderAttentionModules));
    }
    return Below(std::string(pair.ldm), std::string(rest));
  }
  return std::nullopt;
}

template <typename HalfName>
std::optional<std::string> HalfOrNothing(std::string_view name, HalfName half_name) {
  for (const std::string_view half : {"encoder.", "decoder."}) {
    if (!name.starts_with(half)) continue;
    const std::optional<std::string> inner = half_name(name.substr(half.size()));
    if (inner) return Joined(half, *inner);
  }
  return std::nullopt;
}

}  // namespace

UNetLdmLayout UNetLdmLayout::FromDiffusers(const WeightMap& unet) {
  UNetLdmLayout layout;
  layout.layers_per_block = std::max<int64_t>(1, CountChildren(unet, "down_blocks.0.resnets"));
  const int64_t levels = CountChildren(unet, "up_blocks");
  for (int64_t i = 0; i < levels; ++i) {
    layout.up_block_has_attention.push_back(
        HasPrefix(unet, absl::StrCat("up_blocks.", i, ".attentions.")));
  }
  return layout;
}

std::optional<std::string> UNetDiffusersName(std::string_view ldm_name, int64_t layers_per_block) {
  if (auto name = ToDiffusers(ldm_name, kUNetModules)) return name;
  NameScanner scanner(ldm_name);
  if (scanner.Skip("input_blocks.")) return InputBlockDiffusersName(scanner, layers_per_block);
  if (scanner.Skip("middle_block.")) return MiddleBlockDiffusersName(scanner);
  if (scanner.Skip("output_blocks.")) return OutputBlockDiffusersName(scanner, layers_per_block);
  return std::nullopt;
}

std::optional<std::string> UNetLdmName(std::string_view diffusers_name,
                                       const UNetLdmLayout& layout) {
  if (auto name = ToLdm(diffusers_name, kUNetModules)) return name;
  NameScanner scanner(diffusers_name);
  if (scanner.Skip("down_blocks.")) return DownBlockLdmName(scanner, layout.layers_per_block);
  if (scanner.Skip("mid_block.")) return MidBlockLdmName(scanner);
  if (scanner.Skip("up_blocks.")) return UpBlockLdmName(scanner, layout);
  return std::nullopt;
}

std::optional<std::string> AutoencoderDiffusersName(std::string_view ldm_name, int64_t levels) {
  if (auto name = ToDiffusers(ldm_name, kAutoencoderModules)) return name;
  return HalfOrNothing(ldm_name, [levels](std::string_view inner) {
    return AutoencoderHalfDiffusersName(inner, levels);
  });
}

std::optional<std::string> AutoencoderLdmName(std::string_view diffusers_name, int64_t levels) {
  if (auto name = ToLdm(diffusers_name, kAutoencoderModules)) return name;
  return HalfOrNothing(diffusers_name, [levels](std::string_view inner) {
    return AutoencoderHalfLdmName(inner, levels);
  });
}

std::optional<std::string> TextEncoderDiffusersName(std::string_view open_clip_name) {
  if (auto name = ToDiffusers(open_clip_name, kTextModules)) return name;
  NameScanner scanner(open_clip_name);
  if (!scanner.Skip("transformer.resblocks.")) return std::nullopt;
  const std::optional<int64_t> layer = scanner.Number();
  if (!layer) return std::nullopt;
  return Below(absl::StrCat("text_model.encoder.layers.", *layer),
               InnerDiffusers(scanner.rest(), kTextLayerModules));
}

}  // namespace patchbay
