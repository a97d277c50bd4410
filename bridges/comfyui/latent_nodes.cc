#include <algorithm>
#include <cmath>
#include <utility>

#include "bridges/comfyui/core_nodes.h"
#include "bridges/comfyui/latent_storage.h"
#include "bridges/common/interpolation.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr int kLeastUpscaled = 64;  // pixels along a side that LatentUpscale goes down to

InputSpec Side(const std::string& name, int value, int low) {
  return IntInput(name, value, low, kMaxSide, kLatentScale);
}

Values EmptyLatent(NodeCall& call) {
  LatentValue latent;
  latent.width = static_cast<int>(call.Int("width")) / kLatentScale * kLatentScale;
  latent.height = static_cast<int>(call.Int("height")) / kLatentScale * kLatentScale;
  latent.batch = static_cast<int>(call.Int("batch_size"));
  return std::vector<NodeValue>{std::move(latent)};
}

// `width` and `height` in numbers of the latent.
Values UpscaledTo(const LatentValue& latent, int width, int height, bool crop, NodeCall& call) {
  if (latent.IsEmpty() && width > 0 && height > 0) {
    LatentValue result = latent;
    result.width = width * kLatentScale;
    result.height = height * kLatentScale;
    return std::vector<NodeValue>{std::move(result)};
  }
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes numbers, NumbersOf(latent, call));
  BRIDGE_ASSIGN_OR_RETURN(
      FloatPlanes upscaled,
      Upscaled(numbers, width, height, *InterpolationNamed(call.Text("upscale_method")), crop));
  return std::vector<NodeValue>{WithNumbers(latent, std::move(upscaled))};
}

// Python's round(): halves go to the even neighbour.
int Rounded(double value) { return static_cast<int>(std::nearbyint(value)); }

Values Upscale(NodeCall& call) {
  const auto& latent = call.Get<LatentValue>("samples");
  auto width = static_cast<int>(call.Int("width")), height = static_cast<int>(call.Int("height"));
  if (width == 0 && height == 0) return std::vector<NodeValue>{latent};
  // A side of 0 follows from the other.
  const bool free_width = width == 0, free_height = height == 0;
  if (!free_width) width = std::max(kLeastUpscaled, width);
  if (!free_height) height = std::max(kLeastUpscaled, height);
  if (free_width) {
    width = std::max(kLeastUpscaled, Rounded(double(latent.width) * height / latent.height));
  }
  if (free_height) {
    height = std::max(kLeastUpscaled, Rounded(double(latent.height) * width / latent.width));
  }
  return UpscaledTo(latent, width / kLatentScale, height / kLatentScale,
                    call.Text("crop") == "center", call);
}

Values UpscaleBy(NodeCall& call) {
  const auto& latent = call.Get<LatentValue>("samples");
  const double by = call.Float("scale_by");
  return UpscaledTo(latent, Rounded(latent.width / kLatentScale * by),
                    Rounded(latent.height / kLatentScale * by), false, call);
}

Values SetNoiseMask(NodeCall& call) {
  LatentValue latent = call.Get<LatentValue>("samples");
  latent.mask = call.Get<MaskValue>("mask");
  return std::vector<NodeValue>{std::move(latent)};
}

}  // namespace

void AddLatentNodes(NodeCatalogue& catalogue) {
  const InputSpec samples = SocketInput("samples", "LATENT");
  const InputSpec method = ComboInput("upscale_method", InterpolationNames());
  Add(catalogue, MakeNode("EmptyLatentImage", "Empty Latent Image", "latent",
                          {Side("width", 512, 16), Side("height", 512, 16),
                           IntInput("batch_size", 1, 1, 4096)},
                          {"LATENT"}, EmptyLatent));
  Add(catalogue, MakeNode("LatentUpscale", "Upscale Latent", "latent",
                          {samples, method, Side("width", 512, 0), Side("height", 512, 0),
                           ComboInput("crop", {"disabled", "center"})},
                          {"LATENT"}, Upscale));
  Add(catalogue, MakeNode("LatentUpscaleBy", "Upscale Latent By", "latent",
                          {samples, method, FloatInput("scale_by", 1.5, 0.01, 8.0, 0.01)},
                          {"LATENT"}, UpscaleBy));
  Add(catalogue, MakeNode("SetLatentNoiseMask", "Set Latent Noise Mask", "latent/inpaint",
                          {samples, SocketInput("mask", "MASK")}, {"LATENT"}, SetNoiseMask));
}

}  // namespace patchbay::comfyui
