#include <algorithm>
#include <utility>

#include "bridges/comfyui/core_nodes.h"
#include "bridges/comfyui/image_scaling.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

// Grows the mask by one pixel, in the four or in all eight directions; shrinks it when `down`.
Picture Step(const Picture& mask, bool tapered, bool down) {
  Picture result = mask;
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      uint8_t value = *mask.At(x, y);
      for (int v = std::max(0, y - 1); v <= std::min(mask.height - 1, y + 1); ++v) {
        for (int u = std::max(0, x - 1); u <= std::min(mask.width - 1, x + 1); ++u) {
          if (tapered && u != x && v != y) continue;
          value = down ? std::min(value, *mask.At(u, v)) : std::max(value, *mask.At(u, v));
        }
      }
      *result.At(x, y) = value;
    }
  }
  return result;
}

Values Grow(NodeCall& call) {
  MaskValue result = call.Get<MaskValue>("mask");
  const int64_t expand = call.Int("expand");
  // No picture has more pixels along a side than steps that make a difference.
  for (Picture& mask : result.masks) {
    const int64_t steps = std::min<int64_t>(std::abs(expand), std::max(mask.width, mask.height));
    for (int64_t i = 0; i < steps; ++i) mask = Step(mask, call.Bool("tapered_corners"), expand < 0);
  }
  return std::vector<NodeValue>{std::move(result)};
}

absl::StatusOr<Picture> Sized(const Picture& picture, int width, int height) {
  BRIDGE_ASSIGN_OR_RETURN(const std::vector<Picture> sized,
                          ScaledPictures({picture}, width, height, "bilinear", false));
  return sized.front();
}

Values Composite(NodeCall& call) {
  ImageValue result{call.Get<ImageValue>("destination").pictures, {}};
  const auto& sources = call.Get<ImageValue>("source").pictures;
  const auto left = static_cast<int>(call.Int("x")), top = static_cast<int>(call.Int("y"));
  for (size_t i = 0; i < result.pictures.size(); ++i) {
    Picture& bottom = result.pictures[i];
    Picture source = sources[i % sources.size()];
    if (call.Bool("resize_source")) {
      BRIDGE_ASSIGN_OR_RETURN(source, Sized(source, bottom.width, bottom.height));
    }
    Picture mask = BlankPicture(source.width, source.height, 1, 255);
    if (call.Has("mask")) {
      const auto& masks = call.Get<MaskValue>("mask").masks;
      BRIDGE_ASSIGN_OR_RETURN(mask, Sized(masks[i % masks.size()], source.width, source.height));
    }
    for (int y = std::max(0, -top); y < source.height && y + top < bottom.height; ++y) {
      for (int x = std::max(0, -left); x < source.width && x + left < bottom.width; ++x) {
        const int weight = *mask.At(x, y);
        uint8_t* to = bottom.At(x + left, y + top);
        for (int c = 0; c < 3; ++c) {
          to[c] = static_cast<uint8_t>(
              (source.At(x, y)[c] * weight + to[c] * (255 - weight) + 127) / 255);
        }
      }
    }
  }
  return std::vector<NodeValue>{std::move(result)};
}

}  // namespace

void AddMaskNodes(NodeCatalogue& catalogue) {
  Add(catalogue, MakeNode("MaskToImage", "Convert Mask to Image", "mask",
                          {SocketInput("mask", "MASK")}, {"IMAGE"}, [](NodeCall& call) -> Values {
                            ImageValue result;
                            for (const Picture& mask : call.Get<MaskValue>("mask").masks) {
                              result.pictures.push_back(WithChannels(mask, 3));
                            }
                            return std::vector<NodeValue>{std::move(result)};
                          }));
  Add(catalogue,
      MakeNode(
          "ImageToMask", "Convert Image to Mask", "mask",
          {SocketInput("image", "IMAGE"), ComboInput("channel", {"red", "green", "blue", "alpha"})},
          {"MASK"}, [](NodeCall& call) -> Values {
            const std::string channel = call.Text("channel");
            const int c = channel == "green" ? 1 : channel == "blue" ? 2 : 0;
            MaskValue result;
            for (const Picture& picture : call.Get<ImageValue>("image").pictures) {
              Picture mask = BlankPicture(picture.width, picture.height, 1, 255);
              // Images have no transparency here: their alpha is white.
              for (size_t i = 0; i < mask.pixels.size() && channel != "alpha"; ++i) {
                mask.pixels[i] = picture.pixels[i * 3 + c];
              }
              result.masks.push_back(std::move(mask));
            }
            return std::vector<NodeValue>{std::move(result)};
          }));
  Add(catalogue, MakeNode("InvertMask", "InvertMask", "mask", {SocketInput("mask", "MASK")},
                          {"MASK"}, [](NodeCall& call) -> Values {
                            MaskValue result = call.Get<MaskValue>("mask");
                            for (Picture& mask : result.masks) {
                              for (uint8_t& value : mask.pixels)
                                value = static_cast<uint8_t>(255 - value);
                            }
                            return std::vector<NodeValue>{std::move(result)};
                          }));
  Add(catalogue, MakeNode("GrowMask", "GrowMask", "mask",
                          {SocketInput("mask", "MASK"), IntInput("expand", 0, -kMaxSide, kMaxSide),
                           BoolInput("tapered_corners", true)},
                          {"MASK"}, Grow));
  Add(catalogue,
      MakeNode("ImageCompositeMasked", "ImageCompositeMasked", "image",
               {SocketInput("destination", "IMAGE"), SocketInput("source", "IMAGE"),
                IntInput("x", 0, 0, kMaxSide), IntInput("y", 0, 0, kMaxSide),
                BoolInput("resize_source", false), SocketInput("mask", "MASK", /*required=*/false)},
               {"IMAGE"}, Composite));
}

}  // namespace patchbay::comfyui
