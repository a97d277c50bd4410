#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/comfyui/core_nodes.h"
#include "bridges/comfyui/image_scaling.h"
#include "bridges/common/file_folder.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;

absl::StatusOr<std::vector<NodeValue>> ScaledTo(const ImageValue& image, int width, int height,
                                                bool crop, const NodeCall& call) {
  BRIDGE_ASSIGN_OR_RETURN(
      std::vector<Picture> scaled,
      ScaledPictures(image.pictures, width, height, call.Text("upscale_method"), crop));
  return std::vector<NodeValue>{ImageValue{std::move(scaled), {}}};
}

// Python's round(): halves go to the even neighbour.
int Rounded(double value) { return static_cast<int>(std::nearbyint(value)); }

// A picture's file as an image and its transparency as a mask.
absl::StatusOr<std::pair<ImageValue, Picture>> Loaded(NodeCall& call) {
  BRIDGE_ASSIGN_OR_RETURN(const std::string path, call.folders.AnnotatedPath(call.Text("image")));
  BRIDGE_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(path, kMaxFileBytes));
  BRIDGE_ASSIGN_OR_RETURN(const Picture picture, DecodePicture(bytes));
  return std::pair<ImageValue, Picture>{{{WithChannels(picture, 3)}, {}}, picture};
}

Picture Channel(const Picture& rgba, const std::string& channel) {
  const int c = channel == "red" ? 0 : channel == "green" ? 1 : channel == "blue" ? 2 : 3;
  Picture mask = BlankPicture(rgba.width, rgba.height, 1, 0);
  for (size_t i = 0; i < mask.pixels.size(); ++i) {
    const uint8_t value = rgba.pixels[i * 4 + c];
    mask.pixels[i] = c == 3 ? static_cast<uint8_t>(255 - value) : value;
  }
  return mask;
}

// Time and size of the file that the node loads: what was loaded before counts until they change.
std::string FileToken(const Json& inputs, const PictureFolders& folders) {
  if (!inputs.contains("image") || !inputs["image"].is_string()) return "";
  const auto path = folders.AnnotatedPath(inputs["image"].get<std::string>());
  struct stat file = {};
  if (!path.ok() || stat(path->c_str(), &file) != 0) return "";
  return absl::StrCat(file.st_mtim.tv_sec, ".", file.st_mtim.tv_nsec, "/", file.st_size);
}

std::string CheckFile(const Json& inputs, const PictureFolders& folders) {
  if (!inputs.contains("image") || !inputs["image"].is_string()) return "";
  const std::string name = inputs["image"].get<std::string>();
  const auto path = folders.AnnotatedPath(name);
  struct stat file = {};
  const bool there = path.ok() && stat(path->c_str(), &file) == 0 && S_ISREG(file.st_mode);
  return there ? "" : absl::StrCat("Invalid image file: ", name);
}

NodeClass Loader(const CatalogueSources& sources, bool only_mask) {
  NodeClass node;
  node.name = only_mask ? "LoadImageMask" : "LoadImage";
  node.display_name = only_mask ? "Load Image (as Mask)" : "Load Image";
  node.category = only_mask ? "mask" : "image";
  InputSpec image = ComboInput("image", sources.input_pictures);
  image.options["image_upload"] = true;
  node.inputs = {std::move(image)};
  if (only_mask) node.inputs.push_back(ComboInput("channel", {"alpha", "red", "green", "blue"}));
  if (!only_mask) node.outputs.push_back({"IMAGE", "IMAGE"});
  node.outputs.push_back({"MASK", "MASK"});
  node.change_token = FileToken;
  node.check = CheckFile;
  node.checked_input = "image";
  node.run = [only_mask](NodeCall& call) -> Values {
    BRIDGE_ASSIGN_OR_RETURN(const auto loaded, Loaded(call));
    const std::string channel = only_mask ? call.Text("channel") : "alpha";
    MaskValue mask{{Channel(loaded.second, channel)}};
    if (only_mask) return std::vector<NodeValue>{std::move(mask)};
    return std::vector<NodeValue>{loaded.first, std::move(mask)};
  };
  return node;
}

Values ScaleTo(NodeCall& call) {
  const auto& image = call.Get<ImageValue>("image");
  const Picture& first = image.pictures.at(0);
  auto width = static_cast<int>(call.Int("width")), height = static_cast<int>(call.Int("height"));
  if (width == 0 && height == 0) return std::vector<NodeValue>{image};
  if (width == 0) width = std::max(1, Rounded(double(first.width) * height / first.height));
  if (height == 0) height = std::max(1, Rounded(double(first.height) * width / first.width));
  return ScaledTo(image, width, height, call.Text("crop") == "center", call);
}

Values ScaleBy(NodeCall& call) {
  const auto& image = call.Get<ImageValue>("image");
  const Picture& first = image.pictures.at(0);
  const double by = call.Float("scale_by");
  return ScaledTo(image, Rounded(first.width * by), Rounded(first.height * by), false, call);
}

Values ScaleToPixels(NodeCall& call) {
  const auto& image = call.Get<ImageValue>("image");
  const Picture& first = image.pictures.at(0);
  const double pixels = std::floor(call.Float("megapixels") * 1024 * 1024);
  const double by = std::sqrt(pixels / (double(first.width) * first.height));
  return ScaledTo(image, Rounded(first.width * by), Rounded(first.height * by), false, call);
}

Values Batch(NodeCall& call) {
  ImageValue result = call.Get<ImageValue>("image1");
  const Picture& first = result.pictures.at(0);
  BRIDGE_ASSIGN_OR_RETURN(std::vector<Picture> others,
                          ScaledPictures(call.Get<ImageValue>("image2").pictures, first.width,
                                         first.height, "bilinear", /*crop_center=*/true));
  for (Picture& picture : others) result.pictures.push_back(std::move(picture));
  result.files.clear();
  return std::vector<NodeValue>{std::move(result)};
}

Values CropImage(NodeCall& call) {
  ImageValue result;
  for (const Picture& picture : call.Get<ImageValue>("image").pictures) {
    const int x = std::min<int>(call.Int("x"), picture.width - 1);
    const int y = std::min<int>(call.Int("y"), picture.height - 1);
    result.pictures.push_back(Crop(picture, x, y,
                                   std::min<int>(call.Int("width"), picture.width - x),
                                   std::min<int>(call.Int("height"), picture.height - y)));
  }
  return std::vector<NodeValue>{std::move(result)};
}

// How white the mask is at a distance from the old picture's edge: ComfyUI's quadratic ramp, which
// it leaves out where it would take half of the picture. `added`: left, top, right, bottom.
uint8_t Feather(const Picture& picture, int x, int y, int feathering, const int (&added)[4]) {
  if (feathering * 2 >= std::min(picture.width, picture.height)) return 0;
  int distance = feathering;
  if (added[0] > 0) distance = std::min(distance, x);
  if (added[1] > 0) distance = std::min(distance, y);
  if (added[2] > 0) distance = std::min(distance, picture.width - x);
  if (added[3] > 0) distance = std::min(distance, picture.height - y);
  if (distance >= feathering) return 0;
  const double v = static_cast<double>(feathering - distance) / feathering;
  return static_cast<uint8_t>(std::lround(255 * v * v));
}

Values PadForOutpaint(NodeCall& call) {
  const int added[4] = {static_cast<int>(call.Int("left")), static_cast<int>(call.Int("top")),
                        static_cast<int>(call.Int("right")), static_cast<int>(call.Int("bottom"))};
  const auto feathering = static_cast<int>(call.Int("feathering"));
  const std::vector<Picture>& pictures = call.Get<ImageValue>("image").pictures;
  ImageValue result;
  MaskValue mask;
  for (const Picture& picture : pictures) {
    const int width = picture.width + added[0] + added[2];
    const int height = picture.height + added[1] + added[3];
    BRIDGE_RETURN_IF_ERROR(CheckPictureSizes(pictures.size(), width, height));
    Picture padded = BlankPicture(width, height, 3, 128);
    Paste(picture, added[0], added[1], padded);
    result.pictures.push_back(std::move(padded));
    if (!mask.masks.empty()) continue;
    Picture white = BlankPicture(width, height, 1, 255);
    Picture inner = BlankPicture(picture.width, picture.height, 1, 0);
    for (int y = 0; y < inner.height; ++y) {
      for (int x = 0; x < inner.width; ++x) {
        *inner.At(x, y) = Feather(picture, x, y, feathering, added);
      }
    }
    Paste(inner, added[0], added[1], white);
    mask.masks.push_back(std::move(white));
  }
  return std::vector<NodeValue>{std::move(result), std::move(mask)};
}

}  // namespace

void AddImageNodes(const CatalogueSources& sources, NodeCatalogue& catalogue) {
  const std::vector<std::string> image = {"IMAGE"};
  const InputSpec input = SocketInput("image", "IMAGE");
  Add(catalogue, Loader(sources, false));
  Add(catalogue, Loader(sources, true));
  Add(catalogue,
      MakeNode("ImageScale", "Upscale Image", "image/upscaling",
               {input, ComboInput("upscale_method", ImageScalingNames()),
                IntInput("width", 512, 0, kMaxSide), IntInput("height", 512, 0, kMaxSide),
                ComboInput("crop", {"disabled", "center"})},
               image, ScaleTo));
  Add(catalogue, MakeNode("ImageScaleBy", "Upscale Image By", "image/upscaling",
                          {input, ComboInput("upscale_method", ImageScalingNames()),
                           FloatInput("scale_by", 1.0, 0.01, 8.0, 0.01)},
                          image, ScaleBy));
  Add(catalogue,
      MakeNode("ImageScaleToTotalPixels", "Scale Image to Total Pixels", "image/upscaling",
               {input, ComboInput("upscale_method", ImageScalingNames()),
                FloatInput("megapixels", 1.0, 0.01, 16.0, 0.01)},
               image, ScaleToPixels));
  Add(catalogue,
      MakeNode("ImageBatch", "Batch Images", "image",
               {SocketInput("image1", "IMAGE"), SocketInput("image2", "IMAGE")}, image, Batch));
  Add(catalogue, MakeNode("ImageInvert", "Invert Image", "image", {input}, image,
                          [](NodeCall& call) -> Values {
                            ImageValue result{call.Get<ImageValue>("image").pictures, {}};
                            for (Picture& picture : result.pictures) {
                              for (uint8_t& value : picture.pixels) value = uint8_t(255 - value);
                            }
                            return std::vector<NodeValue>{std::move(result)};
                          }));
  Add(catalogue,
      MakeNode("ImageCrop", "Image Crop", "image/transform",
               {input, IntInput("width", 512, 1, kMaxSide), IntInput("height", 512, 1, kMaxSide),
                IntInput("x", 0, 0, kMaxSide), IntInput("y", 0, 0, kMaxSide)},
               image, CropImage));
  Add(catalogue,
      MakeNode("ImagePadForOutpaint", "Pad Image for Outpainting", "image",
               {input, IntInput("left", 0, 0, kMaxSide, 8), IntInput("top", 0, 0, kMaxSide, 8),
                IntInput("right", 0, 0, kMaxSide, 8), IntInput("bottom", 0, 0, kMaxSide, 8),
                IntInput("feathering", 40, 0, kMaxSide)},
               {"IMAGE", "MASK"}, PadForOutpaint));
  NodeClass size = MakeNode(
      "GetImageSize", "Get Image Size", "image", {input}, {}, [](NodeCall& call) -> Values {
        const auto& pictures = call.Get<ImageValue>("image").pictures;
        return std::vector<NodeValue>{Json(pictures.at(0).width), Json(pictures.at(0).height),
                                      Json(pictures.size())};
      });
  size.outputs = {{"INT", "width"}, {"INT", "height"}, {"INT", "batch_size"}};
  Add(catalogue, std::move(size));
}

}  // namespace patchbay::comfyui
