#include "host/runtime/pipeline/start_picture.h"

#include "host/runtime/pipeline/picture_tensor.h"

namespace patchbay {
namespace {

at::Tensor Encoded(const GenerationRequest& request, const at::Tensor& picture,
                   const Autoencoder& autoencoder, NoiseSource& noise) {
  at::Tensor posterior_noise;
  if (request.compat == CompatProfile::kDiffusers) {
    const int64_t scale = autoencoder.scale();
    posterior_noise = noise.Draw(
        {1, autoencoder.latent_channels(), picture.size(2) / scale, picture.size(3) / scale});
  }
  return autoencoder.Encode(picture, posterior_noise).cpu();
}

// [1, 1, H, W], 1 where the mask is at least half white.
at::Tensor BinaryMask(const Picture& picture, int64_t height, int64_t width) {
  at::Tensor mask = TensorFromPicture(picture).mean(1, /*keepdim=*/true);
  if (mask.size(2) != height || mask.size(3) != width) {
    mask = at::_upsample_bicubic2d_aa(mask, {height, width}, /*align_corners=*/false);
  }
  return (mask >= 0).to(at::kFloat);
}

}  // namespace

StartPicture ReadStartPicture(const GenerationRequest& request, const PictureSize& size,
                              const LoadedModel& model, NoiseSource& noise) {
  const Autoencoder& autoencoder = *model.autoencoder;
  StartPicture start;
  if (!request.image.has_value()) return start;
  const int64_t height = size.height;
  const int64_t width = size.width;
  at::Tensor picture = TensorFromPicture(*request.image);
  if (picture.size(2) != height || picture.size(3) != width) {
    picture =
        at::_upsample_bicubic2d_aa(picture, {height, width}, /*align_corners=*/false).clamp(-1, 1);
  }
  if (request.mask.has_value()) {
    const at::Tensor mask = BinaryMask(*request.mask, height, width);
    const int64_t scale = autoencoder.scale();
    start.mask = at::upsample_nearest2d(mask, {height / scale, width / scale});
    start.masked = picture * (1 - mask);
  }
  // At full strength diffusers' inpainting starts from noise alone, and a network that is shown the
  // masked picture needs nothing else; so the picture is not encoded, which would take noise.
  const bool is_needed = !start.has_mask() || !TakesMask(model) || request.strength < 1 ||
                         request.compat != CompatProfile::kDiffusers;
  if (is_needed) start.latent = Encoded(request, picture, autoencoder, noise);
  return start;
}

bool TakesMask(const LoadedModel& model) {
  return model.unet->in_channels() == 2 * model.autoencoder->latent_channels() + 1;
}

at::Tensor InpaintingChannels(const GenerationRequest& request, const StartPicture& start,
                              const PictureSize& size, const Autoencoder& autoencoder,
                              NoiseSource& noise) {
  const int64_t scale = autoencoder.scale();
  const at::Tensor mask =
      start.has_mask() ? start.mask : at::ones({1, 1, size.height / scale, size.width / scale});
  const at::Tensor masked =
      start.has_mask() ? start.masked : at::zeros({1, 3, size.height, size.width});
  return at::cat({mask, Encoded(request, masked, autoencoder, noise)}, 1);
}

}  // namespace patchbay
