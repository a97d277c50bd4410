#include "host/runtime/pipeline/start_picture.h"

#include <cstring>

#include "host/base/status_macros.h"
#include "host/formats/picture_resize.h"
#include "host/runtime/pipeline/inpainting_pictures.h"
#include "host/runtime/pipeline/picture_tensor.h"

namespace patchbay {
namespace {

absl::StatusOr<at::Tensor> Encoded(const GenerationRequest& request, const at::Tensor& picture,
                                   const Autoencoder& autoencoder, NoiseSource& noise,
                                   const CancellationCheck& is_cancelled) {
  at::Tensor posterior_noise;
  if (request.compat == CompatProfile::kDiffusers) {
    const int64_t scale = autoencoder.scale();
    posterior_noise = noise.Draw(
        {1, autoencoder.latent_channels(), picture.size(2) / scale, picture.size(3) / scale});
  }
  AutoencoderOptions options;
  options.is_cancelled = is_cancelled;
  const at::Tensor latent = autoencoder.Encode(picture, posterior_noise, options);
  if (!latent.defined()) return absl::CancelledError("cancelled");
  return latent.cpu();
}

absl::StatusOr<Picture> Resized(const Picture& picture, const PictureSize& size) {
  if (picture.width == size.width && picture.height == size.height) return picture;
  return ResizePicture(picture, size.width, size.height, ResizeFilter::kLanczos);
}

// [1, 3, H, W] in -1..1. What is transparent shows white in A1111 and its hidden colours in
// diffusers and ComfyUI.
at::Tensor Opaque(const Picture& picture, CompatProfile compat) {
  const at::Tensor colours = TensorFromPicture(picture);
  if (picture.channels != 4 || compat != CompatProfile::kA1111) return colours;
  const at::Tensor opacity = OpacityFromPicture(picture);
  return colours * opacity + (1 - opacity);
}

// [1, 1, H, W], 1 where the mask is at least half white.
at::Tensor BinaryMask(const Picture& picture) {
  return (TensorFromPicture(picture).mean(1, /*keepdim=*/true) >= 0).to(at::kFloat);
}

// The request's mask in grey, at the size of the pictures.
absl::StatusOr<Picture> MaskOf(const GenerationRequest& request, const PictureSize& size) {
  return Resized(GreyMask(*request.mask), size);
}

// [1, 1, h, w]. ComfyUI's masks are soft, except for networks that are shown them.
at::Tensor LatentMask(const GenerationRequest& request, const Picture& mask,
                      const LoadedModel& model) {
  const int64_t scale = model.autoencoder->scale();
  const std::vector<int64_t> size = {mask.height / scale, mask.width / scale};
  if (request.compat == CompatProfile::kComfyUi && !TakesMask(model)) {
    const at::Tensor white = (TensorFromPicture(mask).mean(1, /*keepdim=*/true) + 1) / 2;
    return at::upsample_bilinear2d(white, size, /*align_corners=*/false);
  }
  return at::upsample_nearest2d(BinaryMask(mask), size);
}

absl::StatusOr<StartPicture> FromLatent(const GenerationRequest& request, const PictureSize& size,
                                        const LoadedModel& model) {
  StartPicture start;
  const LatentBuffer& given = *request.start_latent;
  start.latent = at::empty(given.shape, at::kFloat);
  std::memcpy(start.latent.data_ptr(), given.values.data(), given.values.size() * sizeof(float));
  if (request.mask.has_value()) {
    PATCHBAY_ASSIGN_OR_RETURN(const Picture mask, MaskOf(request, size));
    start.mask = LatentMask(request, mask, model);
  }
  return start;
}

}  // namespace

absl::StatusOr<StartPicture> ReadStartPicture(const GenerationRequest& request,
                                              const PictureSize& size, const LoadedModel& model,
                                              NoiseSource& noise,
                                              const CancellationCheck& is_cancelled) {
  const Autoencoder& autoencoder = *model.autoencoder;
  StartPicture start;
  if (request.start_latent.has_value()) return FromLatent(request, size, model);
  if (!request.image.has_value()) return start;
  PATCHBAY_ASSIGN_OR_RETURN(const Picture resized, Resized(*request.image, size));
  const at::Tensor picture = Opaque(resized, request.compat);
  if (request.mask.has_value()) {
    PATCHBAY_ASSIGN_OR_RETURN(const Picture mask, MaskOf(request, size));
    start.mask = LatentMask(request, mask, model);
    start.masked = picture * (1 - BinaryMask(mask));
  }
  // At full strength diffusers' inpainting starts from noise alone, and a network that is shown the
  // masked picture needs nothing else; so the picture is not encoded, which would take noise.
  const bool is_needed = !start.has_mask() || !TakesMask(model) || request.strength < 1 ||
                         request.compat != CompatProfile::kDiffusers;
  if (is_needed) {
    PATCHBAY_ASSIGN_OR_RETURN(start.latent,
                              Encoded(request, picture, autoencoder, noise, is_cancelled));
  }
  return start;
}

bool TakesMask(const LoadedModel& model) {
  return model.unet->in_channels() == 2 * model.autoencoder->latent_channels() + 1;
}

absl::StatusOr<at::Tensor> InpaintingChannels(const GenerationRequest& request,
                                              const StartPicture& start, const PictureSize& size,
                                              const Autoencoder& autoencoder, NoiseSource& noise,
                                              const CancellationCheck& is_cancelled) {
  const int64_t scale = autoencoder.scale();
  const at::Tensor mask =
      start.has_mask() ? start.mask : at::ones({1, 1, size.height / scale, size.width / scale});
  const at::Tensor masked =
      start.has_mask() ? start.masked : at::zeros({1, 3, size.height, size.width});
  PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor latent,
                            Encoded(request, masked, autoencoder, noise, is_cancelled));
  return at::cat({mask, latent}, 1);
}

}  // namespace patchbay
