#include "host/runtime/autoencoder/autoencoder.h"

#include <c10/util/Exception.h>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

// What diffusers clamps the posterior's log variance to.
constexpr double kLowestLogVariance = -30.0;
constexpr double kHighestLogVariance = 20.0;

// One number for each latent channel, shaped to go with [B, C, h, w].
at::Tensor PerChannel(const std::vector<double>& numbers) {
  return at::tensor(numbers, at::kFloat).view({1, -1, 1, 1});
}

bool IsFinite(const at::Tensor& tensor) { return tensor.isfinite().all().item<bool>(); }

void Warn(const AutoencoderOptions& options, std::string text) {
  if (options.warnings != nullptr) options.warnings->push_back(std::move(text));
}

}  // namespace

absl::StatusOr<std::unique_ptr<const Autoencoder>> Autoencoder::Load(
    WeightReader& weights, const AutoencoderConfig& config) {
  auto autoencoder = absl::WrapUnique(new Autoencoder(weights, config));
  PATCHBAY_RETURN_IF_ERROR(weights.Finish());
  if (autoencoder->precision_ == at::kHalf) autoencoder->weights_ = weights.weights();
  return autoencoder;
}

Autoencoder::Autoencoder(WeightReader& weights, const AutoencoderConfig& config)
    : config_(config),
      precision_(weights.precision()),
      device_(weights.device()),
      network_(weights, config) {}

const AutoencoderNetwork& Autoencoder::FullPrecisionNetwork() const {
  std::call_once(full_precision_made_, [this] {
    // The same weights have been read without complaint when the autoencoder was loaded.
    WeightReader weights("the autoencoder", weights_, at::kFloat, device_);
    full_precision_network_ = std::make_unique<const AutoencoderNetwork>(weights, config_);
  });
  return *full_precision_network_;
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

at::Tensor Autoencoder::Run(const AutoencoderNetwork& network, const Direction& direction,
                            const at::Tensor& input, const AutoencoderOptions& options) const {
  const auto run = [&](const at::Tensor& part) {
    return (network.*direction.run)(part, options.is_cancelled);
  };
  const auto each = [&input](auto&& work) -> at::Tensor {
    std::vector<at::Tensor> pictures;
    for (const at::Tensor& picture : input.split(1)) {
      pictures.push_back(work(picture));
      if (!pictures.back().defined()) return {};
    }
    return pictures.size() == 1 ? pictures.front() : at::cat(pictures);
  };
  const auto run_tiled = [&] {
    return each([&](const at::Tensor& picture) {
      return RunTiled(picture, options.tiling, direction.scale, run);
    });
  };
  if (options.tiling.mode == TilingOptions::Mode::kNever) return run(input);
  if (options.tiling.mode == TilingOptions::Mode::kAlways) return run_tiled();
  const int64_t bytes = (network.*direction.bytes)(direction.pixels);
  if (bytes > options.tiling.memory_limit) return run_tiled();
  try {
    if (bytes * input.size(0) <= options.tiling.memory_limit) return run(input);
    return each(run);
  } catch (const c10::OutOfMemoryError&) {
    Warn(options, absl::StrCat(direction.name,
                               " the whole picture ran out of memory and was done in tiles"));
  }
  return run_tiled();
}

at::Tensor Autoencoder::RunFinite(const Direction& direction, const at::Tensor& input,
                                  const AutoencoderOptions& options) const {
  at::Tensor result = Run(network_, direction, input, options);
  if (!result.defined() || IsFinite(result)) return result;
  if (precision_ == at::kHalf && IsFinite(input)) {
    Warn(options, absl::StrCat(direction.name,
                               " overflowed in fp16 and was done again in fp32; run this "
                               "autoencoder in bf16 or fp32"));
    result = Run(FullPrecisionNetwork(), direction, input, options);
    if (!result.defined() || IsFinite(result)) return result;
  }
  Warn(options,
       absl::StrCat(direction.name, " gave values that are not finite: ",
                    IsFinite(input) ? "the autoencoder's weights are damaged or not for this model"
                                    : "what it was given holds such values already"));
  return result;
}

at::Tensor Autoencoder::Encode(const at::Tensor& pictures, const at::Tensor& noise,
                               const AutoencoderOptions& options) const {
  const Direction encoding{"encoding",
                           &AutoencoderNetwork::EncodeMoments,
                           &AutoencoderNetwork::EncodingBytes,
                           {.input = scale(), .output = 1},
                           pictures.size(2) * pictures.size(3)};
  const at::Tensor both = RunFinite(encoding, pictures.to(device_), options);
  if (!both.defined()) return {};
  const auto moments = both.chunk(2, 1);
  at::Tensor z = moments[0];
  if (noise.defined()) {
    const at::Tensor log_variance = moments[1].clamp(kLowestLogVariance, kHighestLogVariance);
    z = z + (log_variance * 0.5).exp() * noise.to(z.device());
  }
  return Scaled(z).contiguous();
}

at::Tensor Autoencoder::Decode(const at::Tensor& latents, const AutoencoderOptions& options) const {
  const Direction decoding{"decoding",
                           &AutoencoderNetwork::Decode,
                           &AutoencoderNetwork::DecodingBytes,
                           {.input = 1, .output = scale()},
                           latents.size(2) * latents.size(3) * scale() * scale()};
  return RunFinite(decoding, Unscaled(latents.to(device_, at::kFloat)), options);
}

}  // namespace patchbay
