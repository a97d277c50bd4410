#include "host/runtime/pipeline/request_check.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr int kMaxSide = 16384;
constexpr int kMaxBatch = 64;
constexpr int kMaxSteps = 1000;

absl::Status Refuse(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::Status CheckSize(const char* field, const PictureSize& size, int64_t multiple) {
  for (const int side : {size.width, size.height}) {
    if (side < multiple || side > kMaxSide || side % multiple != 0) {
      return Refuse(absl::StrCat(field, " ", size.width, "x", size.height,
                                 " cannot be drawn: width and height must be multiples of ",
                                 multiple, " up to ", kMaxSide));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckStrength(const char* field, double strength) {
  if (strength > 0 && strength <= 1) return absl::OkStatus();
  return Refuse(absl::StrCat(field, " is ", strength, "; it must be above 0 and at most 1"));
}

}  // namespace

absl::StatusOr<PictureSize> ResolveSize(const GenerationRequest& request,
                                        const ModelDescription& model) {
  const int multiple = static_cast<int>(model.latent_scale);
  PictureSize size{static_cast<int>(model.native_size), static_cast<int>(model.native_size)};
  if (request.size.has_value()) {
    size = *request.size;
  } else if (request.image.has_value()) {
    size = {request.image->width / multiple * multiple,
            request.image->height / multiple * multiple};
  }
  PATCHBAY_RETURN_IF_ERROR(CheckSize("the size", size, multiple));
  return size;
}

absl::Status CheckRequest(const GenerationRequest& request, const ModelDescription& model) {
  if (request.steps < 1 || request.steps > kMaxSteps) {
    return Refuse(absl::StrCat("the number of steps is ", request.steps,
                               "; it must be between 1 and ", kMaxSteps));
  }
  if (request.batch < 1 || request.batch > kMaxBatch) {
    return Refuse(
        absl::StrCat("the batch is ", request.batch, "; it must be between 1 and ", kMaxBatch));
  }
  if (!std::isfinite(request.guidance_scale) || request.guidance_scale < 0) {
    return Refuse(absl::StrCat("the guidance scale is ", request.guidance_scale,
                               "; it must be a number from 0 on"));
  }
  if (!std::isfinite(request.eta) || request.eta < 0) {
    return Refuse(absl::StrCat("eta is ", request.eta, "; it must be a number from 0 on"));
  }
  if (request.image.has_value()) {
    PATCHBAY_RETURN_IF_ERROR(CheckStrength("the strength", request.strength));
  } else if (request.mask.has_value()) {
    return Refuse("a mask needs a picture to paint into (--image)");
  }
  if (request.hires.has_value()) {
    PATCHBAY_RETURN_IF_ERROR(
        CheckSize("the hires size", request.hires->size, static_cast<int>(model.latent_scale)));
    PATCHBAY_RETURN_IF_ERROR(CheckStrength("the hires strength", request.hires->strength));
  }
  return absl::OkStatus();
}

}  // namespace patchbay
