#include "host/runtime/autoencoder/autoencoder_network.h"

#include <c10/core/ScalarType.h>

namespace patchbay {
namespace {

constexpr double kNormEpsilon = 1e-6;
constexpr ConvolutionGeometry kSameSize3x3 = {.stride = 1, .padding = 1, .dilation = 1};
// How many maps of the picture's size, each as wide as the widest there, are alive at once. In the
// encoder a resnet's input, its intermediate result, that normalised, and the output. In the
// decoder, whose widest map is the first resnet's input, the same count less two halves.
constexpr int64_t kEncoderMaps = 4;
constexpr int64_t kDecoderMaps = 3;

std::vector<VaeLevel> MakeLevels(const ModuleScope& scope, const char* name, int64_t norm_groups) {
  std::vector<VaeLevel> levels;
  const int64_t count = scope.CountChildren(name);
  levels.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) levels.emplace_back(scope.Child(name, i), norm_groups);
  return levels;
}

}  // namespace

AutoencoderNetwork::Half::Half(const ModuleScope& scope, const char* levels_name,
                               const AutoencoderConfig& config)
    : conv_in(scope.Child("conv_in"), -1, -1, 3, kSameSize3x3),
      levels(MakeLevels(scope, levels_name, config.norm_groups)),
      mid(scope.Child("mid_block"), config.norm_groups),
      conv_out(scope.Child("conv_out"), -1, -1, 3, kSameSize3x3),
      norm_out(scope.Child("conv_norm_out"), conv_out.in_channels(), config.norm_groups,
               kNormEpsilon) {}

AutoencoderNetwork::AutoencoderNetwork(WeightReader& weights, const AutoencoderConfig& config)
    : precision_(weights.precision()),
      device_(weights.device()),
      sites_("vae"),
      encoder_(ModuleScope(weights, sites_).Child("encoder"), "down_blocks", config),
      decoder_(ModuleScope(weights, sites_).Child("decoder"), "up_blocks", config) {
  const ModuleScope root(weights, sites_);
  if (root.Has("quant_conv.weight")) {
    quantization_.emplace(root.Child("quant_conv"), -1, -1, 1, ConvolutionGeometry{});
  }
  if (root.Has("post_quant_conv.weight")) {
    post_quantization_.emplace(root.Child("post_quant_conv"), -1, -1, 1, ConvolutionGeometry{});
  }
  scale_ = int64_t{1} << (encoder_.levels.empty() ? 0 : encoder_.levels.size() - 1);
}

at::Tensor AutoencoderNetwork::Prepare(const at::Tensor& x) const {
  return x.to(device_, precision_).contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor AutoencoderNetwork::EncodeMoments(const at::Tensor& pictures,
                                             const CancellationCheck& is_cancelled) const {
  const OperatorTable none;
  at::Tensor x = encoder_.conv_in.Forward(Prepare(pictures), none);
  for (const VaeLevel& level : encoder_.levels) {
    x = level.Forward(std::move(x), none, is_cancelled);
    if (!x.defined()) return {};
  }
  x = encoder_.mid.Forward(std::move(x), none, is_cancelled);
  if (!x.defined()) return {};
  x = encoder_.conv_out.Forward(encoder_.norm_out.ForwardSilu(x), none);
  if (quantization_) x = quantization_->Forward(x, none);
  return x.to(at::kFloat);
}

at::Tensor AutoencoderNetwork::Decode(const at::Tensor& z,
                                      const CancellationCheck& is_cancelled) const {
  const OperatorTable none;
  at::Tensor x = Prepare(z);
  if (post_quantization_) x = post_quantization_->Forward(x, none);
  x = decoder_.mid.Forward(decoder_.conv_in.Forward(x, none), none, is_cancelled);
  if (!x.defined()) return {};
  for (const VaeLevel& level : decoder_.levels) {
    x = level.Forward(std::move(x), none, is_cancelled);
    if (!x.defined()) return {};
  }
  return decoder_.conv_out.Forward(decoder_.norm_out.ForwardSilu(x), none).to(at::kFloat);
}

int64_t AutoencoderNetwork::EncodingBytes(int64_t pixels) const {
  const int64_t width =
      encoder_.levels.empty() ? encoder_.conv_in.out_channels() : encoder_.levels.front().widest();
  return kEncoderMaps * pixels * width * static_cast<int64_t>(c10::elementSize(precision_));
}

int64_t AutoencoderNetwork::DecodingBytes(int64_t pixels) const {
  const int64_t width =
      decoder_.levels.empty() ? decoder_.conv_in.out_channels() : decoder_.levels.back().widest();
  return kDecoderMaps * pixels * width * static_cast<int64_t>(c10::elementSize(precision_));
}

}  // namespace patchbay
