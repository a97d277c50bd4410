#include "host/validator/random_weights.h"

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"

namespace patchbay {

RandomWeights::RandomWeights(uint64_t seed) : generator_(at::detail::createCPUGenerator(seed)) {}

at::Tensor RandomWeights::Random(at::IntArrayRef shape, double size) {
  return at::randn(shape, generator_, at::TensorOptions()) * size;
}

void RandomWeights::Linear(const std::string& path, int64_t in, int64_t out, bool with_bias) {
  map_[path + ".weight"].tensor = Random({out, in}, 1.0 / std::sqrt(static_cast<double>(in)));
  if (with_bias) map_[path + ".bias"].tensor = Random({out}, 0.1);
}

void RandomWeights::Convolution(const std::string& path, int64_t in, int64_t out, int64_t kernel) {
  const double size = 1.0 / std::sqrt(static_cast<double>(in * kernel * kernel));
  map_[path + ".weight"].tensor = Random({out, in, kernel, kernel}, size);
  map_[path + ".bias"].tensor = Random({out}, 0.1);
}

void RandomWeights::Norm(const std::string& path, int64_t width) {
  map_[path + ".weight"].tensor = 1 + Random({width}, 0.1);
  map_[path + ".bias"].tensor = Random({width}, 0.1);
}

void RandomWeights::Resnet(const std::string& path, int64_t in, int64_t out,
                           int64_t time_features) {
  Norm(path + ".norm1", in);
  Convolution(path + ".conv1", in, out, 3);
  if (time_features > 0) Linear(path + ".time_emb_proj", time_features, out);
  Norm(path + ".norm2", out);
  Convolution(path + ".conv2", out, out, 3);
  if (in != out) Convolution(path + ".conv_shortcut", in, out, 1);
}

void RandomWeights::Transformer(const std::string& path, int64_t width, int64_t depth,
                                const UNetShape& shape) {
  const auto projection = [&](const char* name) {
    if (shape.linear_projection) {
      Linear(path + name, width, width);
    } else {
      Convolution(path + name, width, width, 1);
    }
  };
  Norm(path + ".norm", width);
  projection(".proj_in");
  for (int64_t i = 0; i < depth; ++i) {
    const std::string block = absl::StrCat(path, ".transformer_blocks.", i);
    for (const auto& [name, source] :
         {std::pair{".attn1", width}, std::pair{".attn2", shape.text_features}}) {
      Linear(absl::StrCat(block, name, ".to_q"), width, width, false);
      Linear(absl::StrCat(block, name, ".to_k"), source, width, false);
      Linear(absl::StrCat(block, name, ".to_v"), source, width, false);
      Linear(absl::StrCat(block, name, ".to_out.0"), width, width);
    }
    for (const char* name : {".norm1", ".norm2", ".norm3"}) Norm(block + name, width);
    Linear(block + ".ff.net.0.proj", width, 8 * width);
    Linear(block + ".ff.net.2", 4 * width, width);
  }
  projection(".proj_out");
}

WeightMap RandomWeights::UNet(const UNetShape& shape) {
  const std::vector<int64_t>& widths = shape.widths;
  const int64_t time_features = 4 * widths.front();
  const size_t levels = widths.size();
  Convolution("conv_in", 4, widths.front(), 3);
  Linear("time_embedding.linear_1", widths.front(), time_features);
  Linear("time_embedding.linear_2", time_features, time_features);
  if (shape.added_features > 0) {
    Linear("add_embedding.linear_1", shape.added_features, time_features);
    Linear("add_embedding.linear_2", time_features, time_features);
  }
  // The widths of the skip connections, last in first out.
  std::vector<int64_t> skips = {widths.front()};
  int64_t width = widths.front();
  for (size_t level = 0; level < levels; ++level) {
    const std::string block = absl::StrCat("down_blocks.", level);
    for (int i = 0; i < 2; ++i) {
      Resnet(absl::StrCat(block, ".resnets.", i), width, widths[level], time_features);
      width = widths[level];
      if (shape.depths[level] > 0) {
        Transformer(absl::StrCat(block, ".attentions.", i), width, shape.depths[level], shape);
      }
      skips.push_back(width);
    }
    if (level + 1 == levels) continue;
    Convolution(block + ".downsamplers.0.conv", width, width, 3);
    skips.push_back(width);
  }
  Resnet("mid_block.resnets.0", width, width, time_features);
  Transformer("mid_block.attentions.0", width, shape.middle_depth, shape);
  Resnet("mid_block.resnets.1", width, width, time_features);
  for (size_t number = 0; number < levels; ++number) {
    const std::string block = absl::StrCat("up_blocks.", number);
    const int64_t out = widths[levels - 1 - number];
    const int64_t depth = shape.depths[levels - 1 - number];
    for (int i = 0; i < 3; ++i) {
      Resnet(absl::StrCat(block, ".resnets.", i), width + skips.back(), out, time_features);
      skips.pop_back();
      width = out;
      if (depth > 0) Transformer(absl::StrCat(block, ".attentions.", i), width, depth, shape);
    }
    if (number + 1 < levels) Convolution(block + ".upsamplers.0.conv", width, width, 3);
  }
  Norm("conv_norm_out", width);
  Convolution("conv_out", width, 4, 3);
  return std::exchange(map_, {});
}

void RandomWeights::MiddleAttention(const std::string& path, int64_t width) {
  Norm(path + ".group_norm", width);
  for (const char* name : {".to_q", ".to_k", ".to_v", ".to_out.0"}) {
    Linear(path + name, width, width);
  }
}

void RandomWeights::AutoencoderHalf(const std::string& half, const std::vector<int64_t>& widths,
                                    int64_t in, int64_t out) {
  const bool is_decoder = half == "decoder";
  int64_t width = widths.front();
  const auto middle = [&] {
    Resnet(half + ".mid_block.resnets.0", width, width, 0);
    MiddleAttention(half + ".mid_block.attentions.0", width);
    Resnet(half + ".mid_block.resnets.1", width, width, 0);
  };
  Convolution(half + ".conv_in", in, width, 3);
  if (is_decoder) middle();
  for (size_t level = 0; level < widths.size(); ++level) {
    const std::string block =
        absl::StrCat(half, is_decoder ? ".up_blocks." : ".down_blocks.", level);
    for (int i = 0; i < (is_decoder ? 2 : 1); ++i) {
      Resnet(absl::StrCat(block, ".resnets.", i), width, widths[level], 0);
      width = widths[level];
    }
    if (level + 1 < widths.size()) {
      Convolution(block + (is_decoder ? ".upsamplers.0.conv" : ".downsamplers.0.conv"), width,
                  width, 3);
    }
  }
  if (!is_decoder) middle();
  Norm(half + ".conv_norm_out", width);
  Convolution(half + ".conv_out", width, out, 3);
}

WeightMap RandomWeights::Autoencoder(const std::vector<int64_t>& widths) {
  AutoencoderHalf("encoder", widths, 3, 8);
  AutoencoderHalf("decoder", {widths.rbegin(), widths.rend()}, 4, 3);
  Convolution("quant_conv", 8, 8, 1);
  Convolution("post_quant_conv", 4, 4, 1);
  return std::exchange(map_, {});
}

WeightMap RandomWeights::TextEncoder(int64_t vocabulary, int64_t width, int64_t pooled_width) {
  map_["text_model.embeddings.token_embedding.weight"].tensor = Random({vocabulary, width}, 1.0);
  map_["text_model.embeddings.position_embedding.weight"].tensor = Random({77, width}, 1.0);
  const std::string layer = "text_model.encoder.layers.0";
  for (const char* name : {".q_proj", ".k_proj", ".v_proj", ".out_proj"}) {
    Linear(absl::StrCat(layer, ".self_attn", name), width, width);
  }
  Norm(layer + ".layer_norm1", width);
  Norm(layer + ".layer_norm2", width);
  Linear(layer + ".mlp.fc1", width, 2 * width);
  Linear(layer + ".mlp.fc2", 2 * width, width);
  Norm("text_model.final_layer_norm", width);
  if (pooled_width > 0) Linear("text_projection", width, pooled_width, false);
  return std::exchange(map_, {});
}

}  // namespace patchbay
