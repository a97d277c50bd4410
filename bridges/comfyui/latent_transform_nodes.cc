#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "bridges/comfyui/core_nodes.h"
#include "bridges/comfyui/latent_pair.h"
#include "bridges/comfyui/latent_storage.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr int kLeastSide = 8;  // numbers that LatentCrop leaves at a latent's end

// Planes of a new size, each number taken from where `source` says: {x, y} of {x, y}.
template <typename Source>
FloatPlanes Rearranged(const FloatPlanes& planes, int width, int height, const Source& source) {
  FloatPlanes result = planes;
  result.width = width;
  result.height = height;
  for (int i = 0; i < planes.batch; ++i) {
    for (int c = 0; c < planes.channels; ++c) {
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
          const auto [u, v] = source(x, y);
          result.At(i, c, y, x) = planes.At(i, c, v, u);
        }
      }
    }
  }
  return result;
}

Values Flip(NodeCall& call) {
  const auto& latent = call.Get<LatentValue>("samples");
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes from, NumbersOf(latent, call));
  const bool vertically = absl::StartsWith(call.Text("flip_method"), "x");
  return std::vector<NodeValue>{WithNumbers(
      latent, Rearranged(from, from.width, from.height, [&](int x, int y) {
        return vertically ? std::pair(x, from.height - 1 - y) : std::pair(from.width - 1 - x, y);
      }))};
}

// A quarter turn goes clockwise.
Values Rotate(NodeCall& call) {
  const auto& latent = call.Get<LatentValue>("samples");
  const std::string rotation = call.Text("rotation");
  const int turns = absl::StartsWith(rotation, "90")    ? 1
                    : absl::StartsWith(rotation, "180") ? 2
                    : absl::StartsWith(rotation, "270") ? 3
                                                        : 0;
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes numbers, NumbersOf(latent, call));
  for (int i = 0; i < turns; ++i) {
    const int height = numbers.height;
    numbers = Rearranged(numbers, height, numbers.width,
                         [height](int x, int y) { return std::pair(y, height - 1 - x); });
  }
  return std::vector<NodeValue>{WithNumbers(latent, std::move(numbers))};
}

Values CropLatent(NodeCall& call) {
  const auto& latent = call.Get<LatentValue>("samples");
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes numbers, NumbersOf(latent, call));
  if (numbers.width < kLeastSide || numbers.height < kLeastSide) {
    return absl::InvalidArgumentError("latents to crop are those of at least 64x64 pixels");
  }
  const auto places = [&call](const char* name) {
    return static_cast<int>(call.Int(name)) / kLatentScale;
  };
  return std::vector<NodeValue>{
      WithNumbers(latent, CroppedPlanes(numbers, std::min(places("x"), numbers.width - kLeastSide),
                                        std::min(places("y"), numbers.height - kLeastSide),
                                        places("width"), places("height")))};
}

absl::Status RefuseTime() {
  return absl::InvalidArgumentError("these latents are of still pictures; \"t\" is for videos");
}

Values Cut(NodeCall& call) {
  const auto& latent = call.Get<LatentValue>("samples");
  const std::string dim = call.Text("dim");
  if (dim == "t") return RefuseTime();
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes numbers, NumbersOf(latent, call));
  const int side = dim == "x" ? numbers.width : numbers.height;
  auto index = static_cast<int>(call.Int("index"));
  auto amount = static_cast<int>(call.Int("amount"));
  if (index >= 0) {
    index = std::min(index, side - 1);
    amount = std::min(side - index, amount);
  } else {
    index = std::max(index, -side);
    amount = std::min(-index, amount);
    index += side;
  }
  return std::vector<NodeValue>{
      WithNumbers(latent, dim == "x" ? CroppedPlanes(numbers, index, 0, amount, numbers.height)
                                     : CroppedPlanes(numbers, 0, index, numbers.width, amount))};
}

Values Concat(NodeCall& call) {
  const std::string dim = call.Text("dim");
  if (absl::EndsWith(dim, "t")) return RefuseTime();
  BRIDGE_ASSIGN_OR_RETURN(const LatentPair pair, ReadLatentPair("samples1", "samples2", call));
  const bool along_x = absl::EndsWith(dim, "x");
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes second, RepeatedTo(pair.second, pair.first.batch));
  if (along_x ? second.height != pair.first.height : second.width != pair.first.width) {
    return absl::InvalidArgumentError("the latents' sides that meet are not equally long");
  }
  const bool swapped = absl::StartsWith(dim, "-");
  const FloatPlanes& a = swapped ? second : pair.first;
  const FloatPlanes& b = swapped ? pair.first : second;
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes both,
                          ZeroPlanes(a.batch, a.channels, along_x ? a.height : a.height + b.height,
                                     along_x ? a.width + b.width : a.width));
  for (int i = 0; i < both.batch; ++i) {
    for (int c = 0; c < both.channels; ++c) {
      for (int y = 0; y < both.height; ++y) {
        for (int x = 0; x < both.width; ++x) {
          const bool is_first = along_x ? x < a.width : y < a.height;
          both.At(i, c, y, x) =
              is_first ? a.At(i, c, y, x)
                       : b.At(i, c, along_x ? y : y - a.height, along_x ? x - a.width : x);
        }
      }
    }
  }
  return std::vector<NodeValue>{WithNumbers(pair.latent, std::move(both))};
}

}  // namespace

void AddLatentTransformNodes(NodeCatalogue& catalogue) {
  const InputSpec samples = SocketInput("samples", "LATENT");
  const auto side = [](const std::string& name, int value, int low) {
    return IntInput(name, value, low, kMaxSide, kLatentScale);
  };
  Add(catalogue,
      MakeNode("LatentFlip", "Flip Latent", "latent/transform",
               {samples, ComboInput("flip_method", {"x-axis: vertically", "y-axis: horizontally"})},
               {"LATENT"}, Flip));
  Add(catalogue,
      MakeNode(
          "LatentRotate", "Rotate Latent", "latent/transform",
          {samples, ComboInput("rotation", {"none", "90 degrees", "180 degrees", "270 degrees"})},
          {"LATENT"}, Rotate));
  Add(catalogue, MakeNode("LatentCrop", "Crop Latent", "latent/transform",
                          {samples, side("width", 512, 64), side("height", 512, 64),
                           side("x", 0, 0), side("y", 0, 0)},
                          {"LATENT"}, CropLatent));
  Add(catalogue,
      MakeNode("LatentCut", "LatentCut", "latent/advanced",
               {samples, ComboInput("dim", {"x", "y", "t"}),
                IntInput("index", 0, -kMaxSide, kMaxSide), IntInput("amount", 1, 1, kMaxSide)},
               {"LATENT"}, Cut));
  Add(catalogue, MakeNode("LatentConcat", "LatentConcat", "latent/advanced",
                          {SocketInput("samples1", "LATENT"), SocketInput("samples2", "LATENT"),
                           ComboInput("dim", {"x", "-x", "y", "-y", "t", "-t"})},
                          {"LATENT"}, Concat));
}

}  // namespace patchbay::comfyui
