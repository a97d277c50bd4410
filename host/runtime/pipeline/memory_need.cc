#include "host/runtime/pipeline/memory_need.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace patchbay {
namespace {

constexpr double kGibibyte = 1 << 30;
constexpr uint64_t kColours = 3;
constexpr uint64_t kHalfNumber = 2;

uint64_t Pixels(const PictureSize& size) {
  return static_cast<uint64_t>(size.width) * static_cast<uint64_t>(size.height);
}

// What the pictures have in the end.
PictureSize LastSize(const GenerationRequest& request, const PictureSize& size) {
  return request.hires.has_value() ? request.hires->size : size;
}

}  // namespace

uint64_t LeastMemory(const GenerationRequest& request, const PictureSize& size,
                     const ModelDescription& model, bool on_processor) {
  const auto batch = static_cast<uint64_t>(request.batch);
  const PictureSize last = LastSize(request, size);
  const auto scale = static_cast<uint64_t>(model.latent_scale);
  const uint64_t places = std::max(Pixels(size), Pixels(last)) / scale / scale;
  const uint64_t width = on_processor ? static_cast<uint64_t>(model.unet_width) : 0;
  const uint64_t features = batch * places * width * kHalfNumber;
  // The decoder's output is one tensor, which is still there when bytes are made of it.
  const uint64_t decoded = on_processor ? sizeof(float) : 0;
  const uint64_t pictures = batch * Pixels(last) * kColours * (decoded + 1);
  return std::max(features, pictures);
}

absl::Status CheckMemory(const GenerationRequest& request, const PictureSize& size,
                         const ModelDescription& model, bool on_processor, uint64_t most) {
  const uint64_t least = LeastMemory(request, size, model, on_processor);
  if (least <= most) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrFormat(
      "%d picture%s of %dx%d would take more than %.1f GiB of memory, and at most %.1f GiB are "
      "there; ask for a smaller size%s",
      request.batch, request.batch == 1 ? "" : "s", LastSize(request, size).width,
      LastSize(request, size).height, static_cast<double>(least) / kGibibyte,
      static_cast<double>(most) / kGibibyte, request.batch == 1 ? "" : " or a smaller batch"));
}

}  // namespace patchbay
