#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/comfyui/core_nodes.h"
#include "bridges/comfyui/image_scaling.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr float kFull = 255;

// The W3C's soft-light curve (Compositing and Blending, 9.1.10).
float SoftLightCurve(float a) { return a <= 0.25f ? ((16 * a - 12) * a + 4) * a : std::sqrt(a); }

// `b` laid over `a`, both 0 to 1.
float Blended(const std::string& mode, float a, float b) {
  if (mode == "multiply") return a * b;
  if (mode == "screen") return 1 - (1 - a) * (1 - b);
  if (mode == "overlay") return a <= 0.5f ? 2 * a * b : 1 - 2 * (1 - a) * (1 - b);
  if (mode == "soft_light") {
    return b <= 0.5f ? a - (1 - 2 * b) * a * (1 - a) : a + (2 * b - 1) * (SoftLightCurve(a) - a);
  }
  if (mode == "difference") return a - b;
  return b;
}

Values Blend(NodeCall& call) {
  const auto& bottom = call.Get<ImageValue>("image1").pictures;
  const Picture& first = bottom.at(0);
  BRIDGE_ASSIGN_OR_RETURN(const std::vector<Picture> top,
                          ScaledPictures(call.Get<ImageValue>("image2").pictures, first.width,
                                         first.height, "bicubic", /*crop_center=*/true));
  if (bottom.size() != top.size() && bottom.size() != 1 && top.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat("batches of ", bottom.size(), " and ",
                                                   top.size(), " pictures cannot be blended"));
  }
  const std::string mode = call.Text("blend_mode");
  const auto factor = static_cast<float>(call.Float("blend_factor"));
  // Each pair of 8-bit values once.
  std::vector<uint8_t> table(256 * 256);
  for (size_t i = 0; i < table.size(); ++i) {
    const float a = static_cast<float>(i / 256) / kFull, b = static_cast<float>(i % 256) / kFull;
    const float value = a * (1 - factor) + Blended(mode, a, b) * factor;
    table[i] = static_cast<uint8_t>(std::lround(std::clamp(value, 0.f, 1.f) * kFull));
  }
  ImageValue result;
  for (size_t i = 0; i < std::max(bottom.size(), top.size()); ++i) {
    Picture picture = bottom[i % bottom.size()];
    const Picture& over = top[i % top.size()];
    for (size_t p = 0; p < picture.pixels.size(); ++p) {
      picture.pixels[p] = table[picture.pixels[p] * size_t{256} + over.pixels[p]];
    }
    result.pictures.push_back(std::move(picture));
  }
  return std::vector<NodeValue>{std::move(result)};
}

}  // namespace

void AddImageBlendNodes(NodeCatalogue& catalogue) {
  Add(catalogue, MakeNode("ImageBlend", "Image Blend", "image/postprocessing",
                          {SocketInput("image1", "IMAGE"), SocketInput("image2", "IMAGE"),
                           FloatInput("blend_factor", 0.5, 0.0, 1.0, 0.01),
                           ComboInput("blend_mode", {"normal", "multiply", "screen", "overlay",
                                                     "soft_light", "difference"})},
                          {"IMAGE"}, Blend));
}

}  // namespace patchbay::comfyui
