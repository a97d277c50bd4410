#include "host/runtime/autoencoder/autoencoder.h"

#include "absl/memory/memory.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr double kNormEpsilon = 1e-6;
constexpr ConvolutionGeometry kSameSize3x3 = {.stride = 1, .padding = 1, .dilation = 1};
// What diffusers clamps the posterior's log variance to.
constexpr double kLowestLogVariance = -30.0;
constexpr double kHighestLogVariance = 20.0;

std::vector<VaeLevel> MakeLevels(const ModuleScope& scope, const char* name, int64_t norm_groups) {
  std::vector<VaeLevel> levels;
  const int64_t count = scope.CountChildren(name);
  levels.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) levels.emplace_back(scope.Child(name, i), norm_groups);
  return levels;
}

// One number for each latent channel, shaped to go with [B, C, h, w].
at::Tensor PerChannel(const std::vector<double>& numbers) {
  return at::tensor(numbers, at::kFloat).view({1, -1, 1, 1});
}

}  // namespace

Autoencoder::Stack::Stack(const ModuleScope& scope, const char* levels_name,
                          const AutoencoderConfig& config)
    : conv_in(scope.Child("conv_in"), -1, -1, 3, kSameSize3x3),
      levels(MakeLevels(scope, levels_name, config.norm_groups)),
      mid(scope.Child("mid_block"), config.norm_groups),
      conv_out(scope.Child("conv_out"), -1, -1, 3, kSameSize3x3),
      norm_out(scope.Child("conv_norm_out"), conv_out.in_channels(), config.norm_groups,
               kNormEpsilon) {}

absl::StatusOr<std::unique_ptr<const Autoencoder>> Autoencoder::Load(
    WeightReader& weights, const AutoencoderConfig& config) {
  auto autoencoder = absl::WrapUnique(new Autoencoder(weights, config));
  PATCHBAY_RETURN_IF_ERROR(weights.Finish());
  return autoencoder;
}

Autoencoder::Autoencoder(WeightReader& weights, const AutoencoderConfig& config)
    : config_(config),
      precision_(weights.precision()),
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

at::Tensor Autoencoder::Scaled(const at::Tensor& z) const {
  if (config_.latents_mean.empty()) return (z - config_.shift_factor) * config_.scaling_factor;
  const at::Tensor mean = PerChannel(config_.latents_mean).to(z.device());
  const at::Tensor std = PerChannel(config_.latents_std).to(z.device());
  return (z - mean) * (config_.scaling_factor / std);
}

at::Tensor Autoencoder::Unscaled(const at::Tensor& latents) const {
  if (config_.latents_mean.empty()) return latents / config_.scaling_factor + config_.shift_factor;
  const at::Tensor mean = PerChannel(config_.latents_mean).to(latents.device());
  const at::Tensor std = PerChannel(config_.latents_std).to(latents.device());
  return latents * (std / config_.scaling_factor) + mean;
}

at::Tensor Autoencoder::Encode(const at::Tensor& pictures, const at::Tensor& noise) const {
  const OperatorTable none;
  at::Tensor x = encoder_.conv_in.Forward(
      pictures.to(device_, precision_).contiguous(at::MemoryFormat::ChannelsLast), none);
  for (const VaeLevel& level : encoder_.levels) x = level.Forward(x, none);
  x = encoder_.conv_out.Forward(encoder_.norm_out.ForwardSilu(encoder_.mid.Forward(x, none)), none);
  if (quantization_) x = quantization_->Forward(x, none);
  const auto moments = x.to(at::kFloat).chunk(2, 1);
  at::Tensor z = moments[0];
  if (noise.defined()) {
    const at::Tensor log_variance = moments[1].clamp(kLowestLogVariance, kHighestLogVariance);
    z = z + (log_variance * 0.5).exp() * noise.to(z.device());
  }
  return Scaled(z).contiguous();
}

at::Tensor Autoencoder::Decode(const at::Tensor& latents) const {
  const OperatorTable none;
  at::Tensor x = Unscaled(latents.to(device_, at::kFloat))
                     .to(precision_)
                     .contiguous(at::MemoryFormat::ChannelsLast);
  if (post_quantization_) x = post_quantization_->Forward(x, none);
  x = decoder_.mid.Forward(decoder_.conv_in.Forward(x, none), none);
  for (const VaeLevel& level : decoder_.levels) x = level.Forward(x, none);
  return decoder_.conv_out.Forward(decoder_.norm_out.ForwardSilu(x), none).to(at::kFloat);
}

}  // namespace patchbay
