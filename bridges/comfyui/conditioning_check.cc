#include "bridges/comfyui/conditioning_check.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

absl::Status CheckOne(const char* which, const ConditioningValue& conditioning,
                      const SamplingRequest& request) {
  const auto refuse = [which](const auto&... why) {
    return absl::UnimplementedError(absl::StrCat("the ", which, " conditioning: ", why...));
  };
  if (!conditioning.obstacle.empty()) return refuse(conditioning.obstacle);
  if (conditioning.clip.model != request.model.model) {
    return refuse("it was encoded with the CLIP of \"", conditioning.clip.model,
                  "\", and the model is \"", request.model.model,
                  "\"; this server draws with a model's own text encoders, so load both from one "
                  "checkpoint");
  }
  if (!conditioning.sizes.has_value()) return absl::OkStatus();
  const ToldSizes& told = *conditioning.sizes;
  const int width = request.latent.width, height = request.latent.height;
  if (told.width == width && told.height == height && told.target_width == width &&
      told.target_height == height && told.crop_x == 0 && told.crop_y == 0) {
    return absl::OkStatus();
  }
  return refuse(
      "it tells the model other sizes than what is drawn; this server tells it the drawn "
      "size, without a crop: set width, height and their targets to ",
      width, "x", height, " and the crop to 0");
}

}  // namespace

absl::Status CheckConditioning(const SamplingRequest& request) {
  BRIDGE_RETURN_IF_ERROR(CheckOne("positive", request.positive, request));
  const bool counts = request.cfg != 1 || !request.model.plugins.empty() ||
                      absl::EndsWith(request.sampler, "_cfg_pp");
  if (!counts) return absl::OkStatus();
  BRIDGE_RETURN_IF_ERROR(CheckOne("negative", request.negative, request));
  if (request.negative.clip == request.positive.clip) return absl::OkStatus();
  return absl::UnimplementedError(
      "the positive and the negative conditioning were encoded with different LoRAs or last layers "
      "of CLIP; this server reads both with the same, so link both to one CLIP");
}

}  // namespace patchbay::comfyui
