#include "host/runtime/autoencoder/preview_decoder.h"

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr int64_t kMostUnits = 64 * 64;
// The fitted patches: large enough for a unit's neighbours to be of its colour, many enough for
// five unknowns.
constexpr int64_t kPatches = 6;
constexpr int64_t kPatchSide = 4;
constexpr uint64_t kSeed = 1;

// A column of ones for the constant term: [n, C] -> [n, C + 1].
at::Tensor WithOnes(const at::Tensor& rows) {
  return at::cat({rows, at::ones({rows.size(0), 1}, rows.options())}, 1);
}

// [1, C, h, w] -> [h * w, C] in double
at::Tensor Rows(const at::Tensor& map) { return map[0].flatten(1).t().to(at::kCPU, at::kDouble); }

at::Tensor Reduced(const at::Tensor& latents) {
  const int64_t units = latents.size(2) * latents.size(3);
  if (units <= kMostUnits) return latents;
  const double factor = std::sqrt(static_cast<double>(kMostUnits) / static_cast<double>(units));
  const auto side = [factor](int64_t size) {
    return std::max<int64_t>(1, std::llround(static_cast<double>(size) * factor));
  };
  return at::_upsample_bilinear2d_aa(latents.to(at::kFloat),
                                     {side(latents.size(2)), side(latents.size(3))},
                                     /*align_corners=*/false);
}

}  // namespace

absl::StatusOr<std::unique_ptr<const PreviewDecoder>> PreviewDecoder::Open(const std::string& path,
                                                                           int64_t latent_channels,
                                                                           at::ScalarType precision,
                                                                           at::Device device) {
  auto preview = absl::WrapUnique(new PreviewDecoder());
  PATCHBAY_ASSIGN_OR_RETURN(preview->tiny_,
                            TinyAutoencoder::Open(path, TinyHalf::kDecoder, precision, device));
  if (preview->tiny_->latent_channels() != latent_channels) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, " decodes latents of ", preview->tiny_->latent_channels(),
        " channels, and this model's have ", latent_channels, "; use the one made for it"));
  }
  return preview;
}

std::unique_ptr<const PreviewDecoder> PreviewDecoder::Fit(const Autoencoder& autoencoder) {
  return Fit(autoencoder.latent_channels(),
             [&autoencoder](const at::Tensor& latents) { return autoencoder.Decode(latents); });
}

std::unique_ptr<const PreviewDecoder> PreviewDecoder::Fit(
    int64_t latent_channels, absl::FunctionRef<at::Tensor(const at::Tensor&)> decode) {
  const at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(kSeed);
  const at::Tensor patches = at::randn({1, latent_channels, kPatches, kPatches}, generator,
                                       at::TensorOptions().dtype(at::kFloat));
  constexpr int64_t kSide = kPatches * kPatchSide;
  const at::Tensor latents = at::upsample_nearest2d(patches, {kSide, kSide});
  const at::Tensor colours =
      at::adaptive_avg_pool2d(decode(latents).to(at::kCPU, at::kFloat), {kSide, kSide});
  const auto solution = at::linalg_lstsq(WithOnes(Rows(latents)), Rows(colours));
  auto preview = absl::WrapUnique(new PreviewDecoder());
  preview->factors_ = std::get<0>(solution).t().to(at::kFloat).contiguous();
  return preview;
}

at::Tensor PreviewDecoder::Decode(const at::Tensor& latents) const {
  if (tiny_) return tiny_->Forward(Reduced(latents)).clamp(-1, 1);
  const at::Tensor channels = latents.to(at::kFloat).movedim(1, 3);
  const at::Tensor factors = factors_.to(latents.device());
  const int64_t width = latents.size(1);
  const at::Tensor colours =
      at::matmul(channels, factors.narrow(1, 0, width).t()) + factors.select(1, width);
  return colours.movedim(3, 1).clamp(-1, 1).contiguous();
}

}  // namespace patchbay
