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

constexpr uint8_t kHalfGrey = 128;

Values DecodeNode(NodeCall& call) {
  const auto& latent = call.Get<LatentValue>("samples");
  const std::string& model = call.Get<VaeValue>("vae").model;
  if (!latent.decoded.pictures.empty() && latent.model == model) {
    return std::vector<NodeValue>{latent.decoded};
  }
  BRIDGE_ASSIGN_OR_RETURN(ImageValue image, Decode(latent, model, call));
  return std::vector<NodeValue>{std::move(image)};
}

// Cut to whole latent pixels, evenly at both ends.
absl::StatusOr<LatentValue> Unencoded(const ImageValue& image, const std::string& model) {
  LatentValue latent;
  latent.model = model;
  for (const Picture& picture : image.pictures) {
    latent.width = picture.width / kLatentScale * kLatentScale;
    latent.height = picture.height / kLatentScale * kLatentScale;
    if (latent.width == 0 || latent.height == 0) {
      return absl::InvalidArgumentError("pictures to encode have at least 8x8 pixels");
    }
    latent.unencoded.pictures.push_back(
        Crop(WithChannels(picture, 3), picture.width % kLatentScale / 2,
             picture.height % kLatentScale / 2, latent.width, latent.height));
  }
  latent.batch = static_cast<int>(latent.unencoded.pictures.size());
  return latent;
}

Values EncodeNode(NodeCall& call) {
  BRIDGE_ASSIGN_OR_RETURN(LatentValue latent, Unencoded(call.Get<ImageValue>("pixels"),
                                                        call.Get<VaeValue>("vae").model));
  return std::vector<NodeValue>{std::move(latent)};
}

// White where any of `by` x `by` pixels is white, which begin `by` / 2 up and to the left.
Picture Grown(const Picture& mask, int by) {
  if (by == 0) return mask;
  const int before = by / 2;
  const auto along = [&](const Picture& from, int dx, int dy) {
    Picture to = from;
    for (int y = 0; y < from.height; ++y) {
      for (int x = 0; x < from.width; ++x) {
        uint8_t most = 0;
        for (int i = -before; i < by - before; ++i) {
          const int u = x + i * dx, v = y + i * dy;
          if (u < 0 || v < 0 || u >= from.width || v >= from.height) continue;
          most = std::max(most, *from.At(u, v));
        }
        *to.At(x, y) = most;
      }
    }
    return to;
  };
  return along(along(mask, 1, 0), 0, 1);
}

// Black or white, as large as the pictures.
absl::StatusOr<std::vector<Picture>> HardMasks(const MaskValue& mask, const Picture& like) {
  BRIDGE_ASSIGN_OR_RETURN(
      const FloatPlanes soft,
      Interpolate(PlanesOf(mask.masks), like.width, like.height, Interpolation::kBilinear));
  FloatPlanes hard = CroppedPlanes(
      soft, like.width % kLatentScale / 2, like.height % kLatentScale / 2,
      like.width / kLatentScale * kLatentScale, like.height / kLatentScale * kLatentScale);
  for (float& value : hard.values) value = std::nearbyint(value);
  return PicturesOf(hard);
}

// What is drawn anew is shown to the autoencoder as grey; the mask then grows over the seam.
Values EncodeForInpaintNode(NodeCall& call) {
  const auto& image = call.Get<ImageValue>("pixels");
  BRIDGE_ASSIGN_OR_RETURN(LatentValue latent, Unencoded(image, call.Get<VaeValue>("vae").model));
  BRIDGE_ASSIGN_OR_RETURN(const std::vector<Picture> masks,
                          HardMasks(call.Get<MaskValue>("mask"), image.pictures.at(0)));
  for (size_t i = 0; i < latent.unencoded.pictures.size(); ++i) {
    Picture& picture = latent.unencoded.pictures[i];
    const Picture& mask = masks[i % masks.size()];
    for (size_t p = 0; p < picture.pixels.size(); ++p) {
      if (mask.pixels[p / 3] > 0) picture.pixels[p] = kHalfGrey;
    }
  }
  MaskValue grown;
  for (const Picture& mask : masks) {
    grown.masks.push_back(Grown(mask, static_cast<int>(call.Int("grow_mask_by"))));
  }
  latent.mask = std::move(grown);
  return std::vector<NodeValue>{std::move(latent)};
}

// The host cuts large pictures into tiles by itself; these say how ComfyUI would.
std::vector<InputSpec> WithTiles(std::vector<InputSpec> inputs, int step) {
  inputs.push_back(IntInput("tile_size", 512, 64, 4096, step));
  inputs.push_back(IntInput("overlap", 64, 0, 4096, 32));
  inputs.push_back(IntInput("temporal_size", 64, 8, 4096, 4));
  inputs.push_back(IntInput("temporal_overlap", 8, 4, 4096, 4));
  // Graphs from before an input came are valid without it.
  for (size_t i = inputs.size() - 3; i < inputs.size(); ++i) inputs[i].required = false;
  return inputs;
}

}  // namespace

void AddAutoencoderNodes(NodeCatalogue& catalogue) {
  const std::vector<InputSpec> decoding = {SocketInput("samples", "LATENT"),
                                           SocketInput("vae", "VAE")};
  const std::vector<InputSpec> encoding = {SocketInput("pixels", "IMAGE"),
                                           SocketInput("vae", "VAE")};
  const char kTiled[] = "_for_testing";
  Add(catalogue, MakeNode("VAEDecode", "VAE Decode", "latent", decoding, {"IMAGE"}, DecodeNode));
  Add(catalogue, MakeNode("VAEDecodeTiled", "VAE Decode (Tiled)", kTiled, WithTiles(decoding, 32),
                          {"IMAGE"}, DecodeNode));
  Add(catalogue, MakeNode("VAEEncode", "VAE Encode", "latent", encoding, {"LATENT"}, EncodeNode));
  Add(catalogue, MakeNode("VAEEncodeTiled", "VAE Encode (Tiled)", kTiled, WithTiles(encoding, 64),
                          {"LATENT"}, EncodeNode));
  Add(catalogue, MakeNode("VAEEncodeForInpaint", "VAE Encode (for Inpainting)", "latent/inpaint",
                          {encoding[0], encoding[1], SocketInput("mask", "MASK"),
                           IntInput("grow_mask_by", 6, 0, 64)},
                          {"LATENT"}, EncodeForInpaintNode));
}

}  // namespace patchbay::comfyui
