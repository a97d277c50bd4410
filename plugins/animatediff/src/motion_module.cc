#include "plugins/animatediff/src/motion_module.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "plugins/animatediff/src/temporal_lora.h"

namespace animatediff {
namespace {

constexpr double kGroupNormEpsilon = 1e-6;
constexpr double kLayerNormEpsilon = 1e-5;

// Numbers that an intermediate result may have; what is larger is made in parts.
constexpr int64_t kMostNumbers = int64_t{1} << 25;
// Some CUDA kernels take no more matrices at once.
constexpr int64_t kMostMatrices = 65535;

at::Tensor As(const at::Tensor& weight, const at::Tensor& x) {
  return weight.defined() ? weight.to(x.device(), x.scalar_type()) : weight;
}

at::Tensor Linear(const at::Tensor& x, const LinearWeights& layer) {
  return at::linear(x, As(layer.weight, x), As(layer.bias, x));
}

at::Tensor LayerNorm(const at::Tensor& x, const NormWeights& norm) {
  return at::layer_norm(x, {x.size(-1)}, As(norm.weight, x), As(norm.bias, x), kLayerNormEpsilon);
}

// How far a LoRA reaches in one run of a module.
struct Reach {
  const LoraUse& use;
  at::Tensor decay;  // [P, 1]: of the positions at hand; undefined for 1

  // m decay up(down(x)); x: [..., P, inputs].
  at::Tensor Change(const at::Tensor& x, const LowRank& change, bool decays) const {
    const at::Tensor y = at::linear(at::linear(x, As(change.down, x)), As(change.up, x));
    return decays && decay.defined() ? y * (use.multiplier * As(decay, x)) : y * use.multiplier;
  }
};

// x: [B, F, P, D] with positions of time added. The same attention without its norm and residual.
at::Tensor Attend(const at::Tensor& x, const TemporalAttention& attention, int64_t heads,
                  const ModuleLora::Attention* lora, const Reach& reach) {
  const int64_t clips = x.size(0);
  const int64_t frames = x.size(1);
  const int64_t positions = x.size(2);
  const auto project = [&](const at::Tensor& weight, const LowRank* change) {
    at::Tensor y = at::linear(x, As(weight, x));
    if (change != nullptr) y = y + reach.Change(x, *change, /*decays=*/true);
    // [B * P, heads, F, D / heads]
    return y.view({clips, frames, positions, heads, y.size(3) / heads})
        .permute({0, 2, 3, 1, 4})
        .reshape({clips * positions, heads, frames, y.size(3) / heads});
  };
  const at::Tensor query = project(attention.query, lora == nullptr ? nullptr : &lora->query);
  const at::Tensor key = project(attention.key, lora == nullptr ? nullptr : &lora->key);
  const at::Tensor value = project(attention.value, lora == nullptr ? nullptr : &lora->value);
  const double scale = 1.0 / std::sqrt(static_cast<double>(query.size(3)));
  const at::Tensor shares = at::softmax(at::matmul(query * scale, key.transpose(2, 3)), -1);
  return at::matmul(shares, value)
      .view({clips, positions, heads, frames, value.size(3)})
      .permute({0, 3, 1, 2, 4})
      .reshape({clips, frames, positions, heads * value.size(3)});
}

at::Tensor FeedForward(const at::Tensor& x, const TemporalLayer& layer,
                       const ModuleLora::Layer* lora, const Reach& reach) {
  const std::vector<at::Tensor> halves = Linear(x, layer.feed_in).chunk(2, -1);
  const at::Tensor hidden = halves[0] * at::gelu(halves[1]);
  at::Tensor y = Linear(hidden, layer.feed_out);
  if (lora != nullptr) {
    y = y + reach.Change(hidden, lora->feed_out, reach.use.decays_feed_forward);
  }
  return y;
}

// The layers for some positions: y [B, F, P, D].
at::Tensor RunLayers(at::Tensor y, const MotionModule& module, const Reach& reach) {
  const int64_t frames = y.size(1);
  for (size_t n = 0; n < module.layers.size(); ++n) {
    const TemporalLayer& layer = module.layers[n];
    const ModuleLora::Layer* const lora =
        reach.use.lora == nullptr ? nullptr : &reach.use.lora->layers[n];
    for (size_t a = 0; a < layer.attentions.size(); ++a) {
      const TemporalAttention& attention = layer.attentions[a];
      const at::Tensor time = As(attention.positions.narrow(0, 0, frames), y).unsqueeze(1);
      const at::Tensor input = LayerNorm(y, attention.norm) + time;
      y = y + Linear(Attend(input, attention, module.heads,
                            lora == nullptr ? nullptr : &lora->attentions[a], reach),
                     attention.out);
    }
    y = y + FeedForward(LayerNorm(y, layer.norm), layer, lora, reach);
  }
  return y;
}

// How many positions are worked on at once. Each is computed by itself.
int64_t PositionsAtOnce(const MotionModule& module, int64_t clips, int64_t frames) {
  int64_t widest = module.channels;
  for (const TemporalLayer& layer : module.layers) {
    widest = std::max(widest, layer.feed_in.weight.size(0));
  }
  const int64_t of_memory = kMostNumbers / (clips * frames * widest);
  const int64_t of_kernels = kMostMatrices / (clips * module.heads);
  return std::max<int64_t>(1, std::min(of_memory, of_kernels));
}

// GroupNorm of [B * F, C, h, w], as [B, F, h * w, C].
at::Tensor NormalisedTokens(const MotionModule& module, const at::Tensor& features,
                            int64_t frames) {
  const int64_t clips = features.size(0) / frames;
  const int64_t channels = features.size(1);
  const int64_t positions = features.size(2) * features.size(3);
  const at::Tensor last = features.permute({0, 2, 3, 1});
  const std::vector<int64_t> shape =
      module.norm_over_frames ? std::vector<int64_t>{clips, frames * positions, channels}
                              : std::vector<int64_t>{clips * frames, positions, channels};
  const at::Tensor normalised = at::group_norm(last.reshape(shape).transpose(1, 2),
                                               module.norm_groups, As(module.norm.weight, features),
                                               As(module.norm.bias, features), kGroupNormEpsilon);
  return normalised.transpose(1, 2).reshape({clips, frames, positions, channels});
}

}  // namespace

int64_t MotionModule::longest_window() const {
  int64_t longest = std::numeric_limits<int64_t>::max();
  for (const TemporalLayer& layer : layers) {
    for (const TemporalAttention& attention : layer.attentions) {
      longest = std::min(longest, attention.positions.size(0));
    }
  }
  return longest;
}

MotionModule MotionModule::To(const at::TensorOptions& options) const {
  const auto bring = [&](at::Tensor& tensor) {
    if (tensor.defined()) tensor = tensor.to(options);
  };
  const auto bring_pair = [&](auto& pair) {
    bring(pair.weight);
    bring(pair.bias);
  };
  MotionModule other = *this;
  bring_pair(other.norm);
  bring_pair(other.in);
  bring_pair(other.out);
  for (TemporalLayer& layer : other.layers) {
    for (TemporalAttention& attention : layer.attentions) {
      bring_pair(attention.norm);
      bring_pair(attention.out);
      for (at::Tensor* const tensor :
           {&attention.positions, &attention.query, &attention.key, &attention.value}) {
        bring(*tensor);
      }
    }
    bring_pair(layer.norm);
    bring_pair(layer.feed_in);
    bring_pair(layer.feed_out);
  }
  return other;
}

at::Tensor AddedMotion(const MotionModule& module, const at::Tensor& features, int64_t frames,
                       const LoraUse& lora) {
  const int64_t clips = features.size(0) / frames;
  const int64_t height = features.size(2);
  const int64_t width = features.size(3);
  const at::Tensor tokens = NormalisedTokens(module, features, frames);
  const int64_t at_once = PositionsAtOnce(module, clips, frames);
  const at::Tensor decay = lora.decay.defined() ? lora.decay.reshape({-1, 1}) : at::Tensor();
  std::vector<at::Tensor> parts;
  for (int64_t first = 0; first < height * width; first += at_once) {
    const int64_t count = std::min(at_once, height * width - first);
    const Reach reach{lora, decay.defined() ? decay.narrow(0, first, count) : at::Tensor()};
    const at::Tensor y =
        RunLayers(Linear(tokens.narrow(2, first, count), module.in), module, reach);
    parts.push_back(Linear(y, module.out));
  }
  const at::Tensor added = parts.size() == 1 ? parts.front() : at::cat(parts, 2);
  return added.reshape({clips * frames, height, width, features.size(1)}).permute({0, 3, 1, 2});
}

}  // namespace animatediff
