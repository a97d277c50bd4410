#include "plugins/ip-adapter/src/mask.h"

#include "patchbay/error.h"
#include "plugins/clip_vision/src/preprocessing.h"
#include "plugins/clip_vision/src/resampling.h"

namespace ip_adapter {
namespace {

// Where the pixels are at least half white: [H, W] of 0 and 1.
at::Tensor Binary(const at::Tensor& pixels) {
  return (clip_vision::Grey(pixels) >= 128).to(at::kFloat);
}

[[noreturn]] void RefuseEmpty(const std::string& field) {
  throw patchbay::Error(field +
                        " is empty: none of it is white, so the picture would have no effect; "
                        "paint white where it is to act, or leave the mask out");
}

}  // namespace

void CheckMask(const at::Tensor& pixels, const std::string& field) {
  if (!Binary(pixels).any().item<bool>()) RefuseEmpty(field);
}

at::Tensor MaskOnCanvas(const at::Tensor& pixels, int64_t height, int64_t width,
                        const std::string& field) {
  const at::Tensor mask =
      Binary(clip_vision::Resize(pixels, {height, width}, clip_vision::Filter::kLanczos));
  if (!mask.any().item<bool>()) {
    CheckMask(pixels, field);
    throw patchbay::Error(field + " is so thin that nothing of it is left at the canvas's " +
                          std::to_string(width) + " x " + std::to_string(height) +
                          " pixels; paint it broader");
  }
  return mask.view({1, 1, height, width});
}

at::Tensor MaskAtQueries(const at::Tensor& mask, int64_t height, int64_t width) {
  return at::upsample_bicubic2d(mask, {height, width}, /*align_corners=*/false)
      .view({1, height * width, 1});
}

}  // namespace ip_adapter
