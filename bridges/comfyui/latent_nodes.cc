#include <algorithm>
#include <cmath>
#include <utility>

#include "bridges/comfyui/core_nodes.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr int kMaxSide = 16384;
constexpr int kScale = 8;  // pixels of a picture to one of its latent, along a side
const std::vector<std::string>& LatentMethods() {
  static const auto& methods =
      *new std::vector<std::string>{"nearest-exact", "bilinear", "area", "bicubic", "bislerp"};
  return methods;
}

InputSpec Side(const std::string& name, int value, int low) {
  return IntInput(name, value, low, kMaxSide, kScale);
}

// A latent of pictures, their sides cut to whole latent pixels, evenly at both ends as ComfyUI
// does.
LatentValue Encoded(const ImageValue& image) {
  LatentValue latent;
  for (const Picture& picture : image.pictures) {
    latent.width = std::max(picture.width / kScale, 1) * kScale;
    latent.height = std::max(picture.height / kScale, 1) * kScale;
    latent.image.pictures.push_back(Crop(picture, (picture.width - latent.width) / 2,
                                         (picture.height - latent.height) / 2, latent.width,
                                         latent.height));
  }
  latent.batch = static_cast<int>(image.pictures.size());
  return latent;
}

LatentValue Scaled(const LatentValue& latent, int width, int height) {
  LatentValue result = latent;
  result.width = std::max(width / kScale, 1) * kScale;
  result.height = std::max(height / kScale, 1) * kScale;
  result.image = {};
  for (const Picture& picture : latent.image.pictures) {
    result.image.pictures.push_back(
        Resize(picture, result.width, result.height, ResizeFilter::kBilinear));
  }
  return result;
}

Picture Grown(const Picture& mask, int by) {
  Picture grown = mask;
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      uint8_t most = 0;
      for (int v = std::max(0, y - by); v <= std::min(mask.height - 1, y + by); ++v) {
        for (int u = std::max(0, x - by); u <= std::min(mask.width - 1, x + by); ++u) {
          most = std::max(most, *mask.At(u, v));
        }
      }
      *grown.At(x, y) = most;
    }
  }
  return grown;
}

NodeClass Simple(const std::string& name, const std::string& title, const std::string& category,
                 std::vector<InputSpec> inputs, const std::string& output,
                 std::function<Values(NodeCall&)> run) {
  NodeClass node;
  node.name = name;
  node.display_name = title;
  node.category = category;
  node.inputs = std::move(inputs);
  node.outputs = {{output, output}};
  node.run = std::move(run);
  return node;
}

Values EncodeForInpaint(NodeCall& call) {
  const auto& masks = call.Get<MaskValue>("mask").masks;
  LatentValue latent = Encoded(call.Get<ImageValue>("pixels"));
  MaskValue grown;
  for (const Picture& mask : masks) {
    const Picture fitting = Resize(mask, latent.width, latent.height, ResizeFilter::kBilinear);
    // What is drawn anew is shown to the model as grey; the mask then grows over the seam.
    for (Picture& picture : latent.image.pictures) {
      for (size_t i = 0; i < picture.pixels.size(); ++i) {
        if (fitting.pixels[i / 3] >= 128) picture.pixels[i] = 128;
      }
    }
    grown.masks.push_back(Grown(fitting, static_cast<int>(call.Int("grow_mask_by")) / 2));
  }
  latent.mask = std::move(grown);
  return std::vector<NodeValue>{std::move(latent)};
}

}  // namespace

void AddLatentNodes(NodeCatalogue& catalogue) {
  Add(catalogue,
      Simple("EmptyLatentImage", "Empty Latent Image", "latent",
             {Side("width", 512, 16), Side("height", 512, 16), IntInput("batch_size", 1, 1, 4096)},
             "LATENT", [](NodeCall& call) -> Values {
               LatentValue latent;
               latent.width = static_cast<int>(call.Int("width"));
               latent.height = static_cast<int>(call.Int("height"));
               latent.batch = static_cast<int>(call.Int("batch_size"));
               return std::vector<NodeValue>{std::move(latent)};
             }));
  for (const bool tiled : {false, true}) {
    std::vector<InputSpec> inputs = {SocketInput("samples", "LATENT"), SocketInput("vae", "VAE")};
    if (tiled) inputs.push_back(IntInput("tile_size", 512, 64, 4096, 32));
    Add(catalogue,
        Simple(tiled ? "VAEDecodeTiled" : "VAEDecode", tiled ? "VAE Decode (Tiled)" : "VAE Decode",
               tiled ? "_for_testing" : "latent", std::move(inputs), "IMAGE",
               [](NodeCall& call) -> Values {
                 const auto& latent = call.Get<LatentValue>("samples");
                 if (latent.image.pictures.empty()) {
                   return absl::FailedPreconditionError(
                       "this latent is empty; nothing was drawn into it (put a sampler between)");
                 }
                 return std::vector<NodeValue>{latent.image};
               }));
  }
  Add(catalogue, Simple("VAEEncode", "VAE Encode", "latent",
                        {SocketInput("pixels", "IMAGE"), SocketInput("vae", "VAE")}, "LATENT",
                        [](NodeCall& call) -> Values {
                          return std::vector<NodeValue>{Encoded(call.Get<ImageValue>("pixels"))};
                        }));
  Add(catalogue, Simple("VAEEncodeForInpaint", "VAE Encode (for Inpainting)", "latent/inpaint",
                        {SocketInput("pixels", "IMAGE"), SocketInput("vae", "VAE"),
                         SocketInput("mask", "MASK"), IntInput("grow_mask_by", 6, 0, 64)},
                        "LATENT", EncodeForInpaint));
  Add(catalogue, Simple("SetLatentNoiseMask", "Set Latent Noise Mask", "latent/inpaint",
                        {SocketInput("samples", "LATENT"), SocketInput("mask", "MASK")}, "LATENT",
                        [](NodeCall& call) -> Values {
                          LatentValue latent = call.Get<LatentValue>("samples");
                          latent.mask = call.Get<MaskValue>("mask");
                          return std::vector<NodeValue>{std::move(latent)};
                        }));
  Add(catalogue, Simple("LatentUpscale", "Upscale Latent", "latent",
                        {SocketInput("samples", "LATENT"),
                         ComboInput("upscale_method", LatentMethods()), Side("width", 512, 0),
                         Side("height", 512, 0), ComboInput("crop", {"disabled", "center"})},
                        "LATENT", [](NodeCall& call) -> Values {
                          const auto& latent = call.Get<LatentValue>("samples");
                          double width = call.Int("width"), height = call.Int("height");
                          if (width == 0) width = height * latent.width / latent.height;
                          if (height == 0) height = width * latent.height / latent.width;
                          if (width == 0) return std::vector<NodeValue>{latent};
                          return std::vector<NodeValue>{
                              Scaled(latent, static_cast<int>(width), static_cast<int>(height))};
                        }));
  Add(catalogue,
      Simple("LatentUpscaleBy", "Upscale Latent By", "latent",
             {SocketInput("samples", "LATENT"), ComboInput("upscale_method", LatentMethods()),
              FloatInput("scale_by", 1.5, 0.01, 8.0, 0.01)},
             "LATENT", [](NodeCall& call) -> Values {
               const auto& latent = call.Get<LatentValue>("samples");
               const double scale = call.Float("scale_by");
               return std::vector<NodeValue>{
                   Scaled(latent, static_cast<int>(std::lround(latent.width * scale)),
                          static_cast<int>(std::lround(latent.height * scale)))};
             }));
  Add(catalogue, Simple("RepeatLatentBatch", "Repeat Latent Batch", "latent/batch",
                        {SocketInput("samples", "LATENT"), IntInput("amount", 1, 1, 64)}, "LATENT",
                        [](NodeCall& call) -> Values {
                          LatentValue latent = call.Get<LatentValue>("samples");
                          const auto amount = static_cast<int>(call.Int("amount"));
                          latent.batch *= amount;
                          const std::vector<Picture> once = latent.image.pictures;
                          for (int i = 1; i < amount; ++i) {
                            latent.image.pictures.insert(latent.image.pictures.end(), once.begin(),
                                                         once.end());
                          }
                          latent.image.infotexts.clear();
                          return std::vector<NodeValue>{std::move(latent)};
                        }));
}

}  // namespace patchbay::comfyui
