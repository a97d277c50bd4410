#include "plugins/llava/src/llama_decoder.h"

#include <patchbay/aten.h>

#include <cmath>

namespace llava {

at::Tensor Rotated(const at::Tensor& vectors, double base) {
  const int64_t width = vectors.size(2);
  const at::Tensor exponents = at::arange(0, width, 2, at::kDouble) / static_cast<double>(width);
  const at::Tensor angles =
      at::outer(at::arange(vectors.size(1), at::kDouble), at::exp(-std::log(base) * exponents));
  const at::Tensor cosine = at::cos(angles).to(vectors.dtype());
  const at::Tensor sine = at::sin(angles).to(vectors.dtype());
  const at::Tensor first = vectors.narrow(2, 0, width / 2);
  const at::Tensor second = vectors.narrow(2, width / 2, width / 2);
  return at::cat({first * cosine - second * sine, second * cosine + first * sine}, 2);
}

at::Tensor LlamaDecoder::LinearWeight(const std::string& name, int64_t out, int64_t in) const {
  const std::string scale_name = name + ".weight_scale";
  if (!weights_.Has(scale_name)) return weights_.Read(name + ".weight", {out, in});
  if (weights_.Has(name + ".weight_zero_point")) {
    throw patchbay::Error(weights_.name() + ": \"" + name +
                          "\" has integers with a zero point; only symmetric ones are read");
  }
  const int64_t groups = weights_.Side(scale_name, 1);
  if (groups < 1 || in % groups != 0) {
    throw patchbay::Error(weights_.name() + ": \"" + scale_name + "\" has " +
                          std::to_string(groups) + " groups, which do not divide " +
                          std::to_string(in) + " inputs");
  }
  const at::Tensor scale = weights_.Read(scale_name, {out, groups});
  return weights_.ReadIntegers(name + ".weight", {out, in}).to(at::kFloat) *
         scale.repeat_interleave(in / groups, 1);
}

at::Tensor LlamaDecoder::Linear(const std::string& name, int64_t out,
                                const at::Tensor& input) const {
  return at::linear(input, LinearWeight(name, out, input.size(-1)));
}

at::Tensor LlamaDecoder::Norm(const std::string& name, const at::Tensor& states) const {
  const at::Tensor size = (states.square().mean(-1, /*keepdim=*/true) + config_.norm_epsilon);
  return states * size.rsqrt() * weights_.Read(name + ".weight", {config_.width});
}

at::Tensor LlamaDecoder::Embeddings(const std::vector<int64_t>& tokens) const {
  for (const int64_t token : tokens) {
    if (token >= 0 && token < config_.vocabulary) continue;
    throw patchbay::Error(weights_.name() + ": the tokenizer has given the token " +
                          std::to_string(token) + ", and the language model has " +
                          std::to_string(config_.vocabulary) + "; it belongs to another one");
  }
  const at::Tensor table =
      weights_.ReadStored("embed_tokens.weight", {config_.vocabulary, config_.width});
  return table.index_select(0, at::tensor(tokens, at::kLong)).to(at::kFloat);
}

at::Tensor LlamaDecoder::SelfAttention(const std::string& layer, const at::Tensor& states) const {
  const auto project = [&](const char* name, int64_t heads) {
    return Linear(layer + ".self_attn." + name, heads * config_.head_width, states)
        .view({states.size(0), heads, config_.head_width})
        .transpose(0, 1);
  };
  const int64_t group = config_.heads / config_.key_heads;
  const at::Tensor queries = Rotated(project("q_proj", config_.heads), config_.rope_base);
  const at::Tensor keys = Rotated(project("k_proj", config_.key_heads), config_.rope_base);
  const at::Tensor values = project("v_proj", config_.key_heads);
  const at::Tensor attended = at::scaled_dot_product_attention(
      queries.unsqueeze(0), keys.repeat_interleave(group, 0).unsqueeze(0),
      values.repeat_interleave(group, 0).unsqueeze(0), /*attn_mask=*/{}, /*dropout_p=*/0.0,
      /*is_causal=*/true);
  return Linear(layer + ".self_attn.o_proj", config_.width,
                attended[0].transpose(0, 1).reshape({states.size(0), -1}));
}

at::Tensor LlamaDecoder::FeedForward(const std::string& layer, const at::Tensor& states) const {
  const at::Tensor gate = Linear(layer + ".mlp.gate_proj", config_.feed_forward, states);
  const at::Tensor inner = Linear(layer + ".mlp.up_proj", config_.feed_forward, states);
  return Linear(layer + ".mlp.down_proj", config_.width, at::silu(gate) * inner);
}

void LlamaDecoder::CheckLength(int64_t tokens) const {
  if (tokens <= config_.positions) return;
  throw patchbay::Error(weights_.name() + ": picture and text are " + std::to_string(tokens) +
                        " tokens together, and the language model has positions for " +
                        std::to_string(config_.positions) + "; shorten the prompt");
}

at::Tensor LlamaDecoder::States(at::Tensor embeddings,
                                const std::function<void(double)>& progress) const {
  CheckLength(embeddings.size(0));
  at::Tensor states = std::move(embeddings);
  for (int64_t i = 0; i < config_.layers; ++i) {
    progress(static_cast<double>(i) / static_cast<double>(config_.layers));
    const std::string layer = "layers." + std::to_string(i);
    states = states + SelfAttention(layer, Norm(layer + ".input_layernorm", states));
    states = states + FeedForward(layer, Norm(layer + ".post_attention_layernorm", states));
  }
  return Norm("norm", states);
}

}  // namespace llava
