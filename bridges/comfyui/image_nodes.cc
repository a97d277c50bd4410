#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/comfyui/core_nodes.h"
#include "bridges/common/file_folder.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr int kMaxSide = 16384;
constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;

std::vector<std::string> Methods() {
  return {"nearest-exact", "bilinear", "area", "bicubic", "lanczos"};
}

ResizeFilter FilterOf(const std::string& method) {
  if (method == "nearest-exact") return ResizeFilter::kNearest;
  return method == "lanczos" || method == "bicubic" ? ResizeFilter::kLanczos
                                                    : ResizeFilter::kBilinear;
}

absl::StatusOr<ImageValue> Scaled(const ImageValue& image, double width, double height,
                                  const std::string& method) {
  ImageValue result;
  const auto x = std::max(1l, std::lround(width)), y = std::max(1l, std::lround(height));
  if (x > kMaxSide || y > kMaxSide) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a picture of ", x, "x", y, " is too large; a side has at most ", kMaxSide, " pixels"));
  }
  for (const Picture& picture : image.pictures) {
    result.pictures.push_back(
        Resize(picture, static_cast<int>(x), static_cast<int>(y), FilterOf(method)));
  }
  return result;
}

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

NodeClass Simple(const std::string& name, const std::string& title, const std::string& category,
                 std::vector<InputSpec> inputs, std::vector<OutputSpec> outputs,
                 std::function<Values(NodeCall&)> run) {
  NodeClass node;
  node.name = name;
  node.display_name = title;
  node.category = category;
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  node.run = std::move(run);
  return node;
}

Values ScaleTo(NodeCall& call) {
  const auto& image = call.Get<ImageValue>("image");
  const Picture& first = image.pictures.at(0);
  double width = call.Int("width"), height = call.Int("height");
  if (width == 0 && height == 0) return std::vector<NodeValue>{image};
  if (width == 0) width = std::max(1.0, std::round(first.width * height / first.height));
  if (height == 0) height = std::max(1.0, std::round(first.height * width / first.width));
  ImageValue source = image;
  if (call.Text("crop") == "center") {
    for (Picture& picture : source.pictures) {
      const double ratio = width / height;
      const int x = std::min(picture.width, int(std::lround(picture.height * ratio)));
      const int y = std::min(picture.height, int(std::lround(picture.width / ratio)));
      picture = Crop(picture, (picture.width - x) / 2, (picture.height - y) / 2, std::max(x, 1),
                     std::max(y, 1));
    }
  }
  BRIDGE_ASSIGN_OR_RETURN(ImageValue scaled,
                          Scaled(source, width, height, call.Text("upscale_method")));
  return std::vector<NodeValue>{std::move(scaled)};
}

Values ScaleBy(NodeCall& call) {
  const auto& image = call.Get<ImageValue>("image");
  const Picture& first = image.pictures.at(0);
  const double by = call.Float("scale_by");
  BRIDGE_ASSIGN_OR_RETURN(ImageValue scaled, Scaled(image, first.width * by, first.height * by,
                                                    call.Text("upscale_method")));
  return std::vector<NodeValue>{std::move(scaled)};
}

Values ScaleToPixels(NodeCall& call) {
  const auto& image = call.Get<ImageValue>("image");
  const Picture& first = image.pictures.at(0);
  const double pixels = call.Float("megapixels") * 1024 * 1024;
  const double by = std::sqrt(pixels / (double(first.width) * first.height));
  BRIDGE_ASSIGN_OR_RETURN(ImageValue scaled, Scaled(image, first.width * by, first.height * by,
                                                    call.Text("upscale_method")));
  return std::vector<NodeValue>{std::move(scaled)};
}

Values Batch(NodeCall& call) {
  ImageValue result = call.Get<ImageValue>("image1");
  const Picture& first = result.pictures.at(0);
  const int width = first.width, height = first.height;
  for (const Picture& picture : call.Get<ImageValue>("image2").pictures) {
    result.pictures.push_back(Resize(picture, width, height, ResizeFilter::kBilinear));
  }
  result.infotexts.clear();
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

// How white the mask is at a distance from the old picture's edge: ComfyUI's quadratic ramp.
uint8_t Feather(const Picture& picture, int x, int y, int feathering, const int (&added)[4]) {
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
  ImageValue result;
  MaskValue mask;
  for (const Picture& picture : call.Get<ImageValue>("image").pictures) {
    const int width = picture.width + added[0] + added[2];
    const int height = picture.height + added[1] + added[3];
    if (width > kMaxSide || height > kMaxSide) {
      return absl::InvalidArgumentError("the padded picture is too large");
    }
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
  const std::vector<OutputSpec> image = {{"IMAGE", "IMAGE"}};
  const InputSpec input = SocketInput("image", "IMAGE");
  Add(catalogue, Loader(sources, false));
  Add(catalogue, Loader(sources, true));
  Add(catalogue,
      Simple("ImageScale", "Upscale Image", "image/upscaling",
             {input, ComboInput("upscale_method", Methods()), IntInput("width", 512, 0, kMaxSide),
              IntInput("height", 512, 0, kMaxSide), ComboInput("crop", {"disabled", "center"})},
             image, ScaleTo));
  Add(catalogue, Simple("ImageScaleBy", "Upscale Image By", "image/upscaling",
                        {input, ComboInput("upscale_method", Methods()),
                         FloatInput("scale_by", 1.0, 0.01, 8.0, 0.01)},
                        image, ScaleBy));
  Add(catalogue, Simple("ImageScaleToTotalPixels", "Scale Image to Total Pixels", "image/upscaling",
                        {input, ComboInput("upscale_method", Methods()),
                         FloatInput("megapixels", 1.0, 0.01, 16.0, 0.01)},
                        image, ScaleToPixels));
  Add(catalogue,
      Simple("ImageBatch", "Batch Images", "image",
             {SocketInput("image1", "IMAGE"), SocketInput("image2", "IMAGE")}, image, Batch));
  Add(catalogue,
      Simple("ImageInvert", "Invert Image", "image", {input}, image, [](NodeCall& call) -> Values {
        ImageValue result{call.Get<ImageValue>("image").pictures, {}};
        for (Picture& picture : result.pictures) {
          for (uint8_t& value : picture.pixels) value = uint8_t(255 - value);
        }
        return std::vector<NodeValue>{std::move(result)};
      }));
  Add(catalogue,
      Simple("ImageCrop", "Image Crop", "image/transform",
             {input, IntInput("width", 512, 1, kMaxSide), IntInput("height", 512, 1, kMaxSide),
              IntInput("x", 0, 0, kMaxSide), IntInput("y", 0, 0, kMaxSide)},
             image, CropImage));
  Add(catalogue,
      Simple("ImagePadForOutpaint", "Pad Image for Outpainting", "image",
             {input, IntInput("left", 0, 0, kMaxSide, 8), IntInput("top", 0, 0, kMaxSide, 8),
              IntInput("right", 0, 0, kMaxSide, 8), IntInput("bottom", 0, 0, kMaxSide, 8),
              IntInput("feathering", 40, 0, kMaxSide)},
             {{"IMAGE", "IMAGE"}, {"MASK", "MASK"}}, PadForOutpaint));
  Add(catalogue, Simple("GetImageSize", "Get Image Size", "image", {input},
                        {{"INT", "width"}, {"INT", "height"}, {"INT", "batch_size"}},
                        [](NodeCall& call) -> Values {
                          const auto& pictures = call.Get<ImageValue>("image").pictures;
                          return std::vector<NodeValue>{Json(pictures.at(0).width),
                                                        Json(pictures.at(0).height),
                                                        Json(pictures.size())};
                        }));
}

}  // namespace patchbay::comfyui
