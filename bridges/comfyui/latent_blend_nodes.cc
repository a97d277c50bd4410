#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/comfyui/core_nodes.h"
#include "bridges/comfyui/latent_pair.h"
#include "bridges/comfyui/latent_storage.h"
#include "bridges/common/interpolation.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

// The first latent with each number made of its own and the second's, which is sized as the first.
template <typename Operation>
Values Combined(NodeCall& call, const Operation& operation) {
  BRIDGE_ASSIGN_OR_RETURN(LatentPair pair, ReadLatentPair("samples1", "samples2", call));
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes sized, SecondSizedAsFirst(pair));
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes second, RepeatedTo(sized, pair.first.batch));
  FloatPlanes& first = pair.first;
  for (size_t i = 0; i < first.values.size(); ++i) {
    first.values[i] = operation(first.values[i], second.values[i]);
  }
  return std::vector<NodeValue>{WithNumbers(pair.latent, std::move(first))};
}

Values Multiply(NodeCall& call) {
  const auto& latent = call.Get<LatentValue>("samples");
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes numbers, NumbersOf(latent, call));
  for (float& value : numbers.values) value *= static_cast<float>(call.Float("multiplier"));
  return std::vector<NodeValue>{WithNumbers(latent, std::move(numbers))};
}

// The second is interpolated only where the sizes differ; one of a batch stands for all.
Values Blend(NodeCall& call) {
  BRIDGE_ASSIGN_OR_RETURN(LatentPair pair, ReadLatentPair("samples1", "samples2", call));
  FloatPlanes& first = pair.first;
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes second,
                          Upscaled(pair.second, first.width, first.height, Interpolation::kBicubic,
                                   /*crop_center=*/true));
  if (first.batch != second.batch && first.batch != 1 && second.batch != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("batches of ", first.batch, " and ", second.batch, " cannot be blended"));
  }
  const int batch = std::max(first.batch, second.batch);
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes result, RepeatedTo(first, batch));
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes other, RepeatedTo(second, batch));
  const double factor = call.Float("blend_factor");
  for (size_t i = 0; i < result.values.size(); ++i) {
    result.values[i] = result.values[i] * static_cast<float>(factor) +
                       other.values[i] * static_cast<float>(1 - factor);
  }
  return std::vector<NodeValue>{WithNumbers(pair.latent, std::move(result))};
}

// The channels of a place as a vector: directions are mixed and normalized, lengths mixed apart.
// ComfyUI's own broadcasting does this for one latent; here each of a batch is treated like that.
Values InterpolateLatents(NodeCall& call) {
  BRIDGE_ASSIGN_OR_RETURN(LatentPair pair, ReadLatentPair("samples1", "samples2", call));
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes sized, SecondSizedAsFirst(pair));
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes second, RepeatedTo(sized, pair.first.batch));
  FloatPlanes& first = pair.first;
  const auto ratio = static_cast<float>(call.Float("ratio"));
  const auto other_ratio = static_cast<float>(1 - call.Float("ratio"));
  const auto channels = static_cast<size_t>(first.channels);
  const auto length = [&](const float* place) {
    float sum = 0;
    for (size_t c = 0; c < channels; ++c) {
      sum += place[c * first.PlaneSize()] * place[c * first.PlaneSize()];
    }
    return std::sqrt(sum);
  };
  const auto unit = [](float value, float size) { return size == 0 ? 0 : value / size; };
  for (int i = 0; i < first.batch; ++i) {
    for (size_t p = 0; p < first.PlaneSize(); ++p) {
      float* to = first.Plane(i, 0) + p;
      const float* from = second.Plane(i, 0) + p;
      const float to_length = length(to), from_length = length(from);
      for (size_t c = 0; c < channels * first.PlaneSize(); c += first.PlaneSize()) {
        to[c] = unit(to[c], to_length) * ratio + unit(from[c], from_length) * other_ratio;
      }
      const float mixed = length(to);
      for (size_t c = 0; c < channels * first.PlaneSize(); c += first.PlaneSize()) {
        to[c] = unit(to[c], mixed) * (to_length * ratio + from_length * other_ratio);
      }
    }
  }
  return std::vector<NodeValue>{WithNumbers(pair.latent, std::move(first))};
}

// Lays `source` over `bottom` at (x, y), both in numbers, as far as it reaches, by the weights of
// `mask` [B, 1, h, w]. Equal batches.
void Lay(const FloatPlanes& source, const FloatPlanes& mask, int x, int y, FloatPlanes& bottom) {
  const int height = std::min(source.height, bottom.height - y);
  const int width = std::min(source.width, bottom.width - x);
  for (int i = 0; i < bottom.batch; ++i) {
    for (int c = 0; c < bottom.channels; ++c) {
      for (int v = 0; v < height; ++v) {
        for (int u = 0; u < width; ++u) {
          const float weight = mask.At(i, 0, v, u);
          float& value = bottom.At(i, c, y + v, x + u);
          value = weight * source.At(i, c, v, u) + (1 - weight) * value;
        }
      }
    }
  }
}

// Ramps along the sides of what is seen that lie inside of the other latent.
void FeatherSides(int x, int y, int feather, const FloatPlanes& bottom, FloatPlanes& mask) {
  // Python's slices: negative ends count from the end.
  const auto end = [](int index, int side) {
    return std::clamp(index < 0 ? index + side : index, 0, side);
  };
  const auto scale = [&](int x0, int y0, int x1, int y1, float by) {
    for (int i = 0; i < mask.batch; ++i) {
      for (int v = end(y0, mask.height); v < end(y1, mask.height); ++v) {
        for (int u = end(x0, mask.width); u < end(x1, mask.width); ++u) mask.At(i, 0, v, u) *= by;
      }
    }
  };
  const int width = mask.width, height = mask.height;
  for (int t = 0; t < feather; ++t) {
    const auto by = static_cast<float>(1.0 / feather * (t + 1));
    if (y != 0) scale(0, t, width, t + 1, by);
    if (y + height < bottom.height) scale(0, height - 1 - t, width, height - t, by);
    if (x != 0) scale(t, 0, t + 1, height, by);
    if (x + width < bottom.width) scale(width - 1 - t, 0, width - t, height, by);
  }
}

absl::StatusOr<FloatPlanes> WhiteMask(int batch, int height, int width) {
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes mask, ZeroPlanes(batch, 1, height, width));
  std::fill(mask.values.begin(), mask.values.end(), 1.f);
  return mask;
}

Values Composite(NodeCall& call) {
  BRIDGE_ASSIGN_OR_RETURN(LatentPair pair, ReadLatentPair("samples_to", "samples_from", call));
  const auto places = [&call](const char* name) {
    return static_cast<int>(call.Int(name)) / kLatentScale;
  };
  FloatPlanes& bottom = pair.first;
  const int x = places("x"), y = places("y"), feather = places("feather");
  if (pair.second.batch != 1 && pair.second.batch != bottom.batch) {
    return absl::InvalidArgumentError(absl::StrCat("a batch of ", pair.second.batch,
                                                   " cannot be laid over one of ", bottom.batch));
  }
  const int width = std::min(pair.second.width, bottom.width - x);
  const int height = std::min(pair.second.height, bottom.height - y);
  if (width > 0 && height > 0) {
    BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes top, RepeatedTo(pair.second, bottom.batch));
    BRIDGE_ASSIGN_OR_RETURN(FloatPlanes mask, WhiteMask(bottom.batch, height, width));
    FeatherSides(x, y, feather, bottom, mask);
    Lay(top, mask, x, y, bottom);
  }
  return std::vector<NodeValue>{WithNumbers(pair.latent, std::move(bottom))};
}

Values CompositeMasked(NodeCall& call) {
  BRIDGE_ASSIGN_OR_RETURN(LatentPair pair, ReadLatentPair("destination", "source", call));
  FloatPlanes& bottom = pair.first;
  FloatPlanes top = std::move(pair.second);
  if (call.Bool("resize_source")) {
    BRIDGE_ASSIGN_OR_RETURN(
        top, Interpolate(top, bottom.width, bottom.height, Interpolation::kBilinear));
  }
  BRIDGE_ASSIGN_OR_RETURN(top, RepeatedTo(top, bottom.batch));
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes mask, WhiteMask(bottom.batch, top.height, top.width));
  if (call.Has("mask")) {
    BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes sized,
                            Interpolate(PlanesOf(call.Get<MaskValue>("mask").masks), top.width,
                                        top.height, Interpolation::kBilinear));
    BRIDGE_ASSIGN_OR_RETURN(mask, RepeatedTo(sized, bottom.batch));
  }
  const auto place = [&call](const char* name, int side) {
    return std::min(static_cast<int>(call.Int(name)), side * kLatentScale) / kLatentScale;
  };
  Lay(top, mask, place("x", bottom.width), place("y", bottom.height), bottom);
  return std::vector<NodeValue>{WithNumbers(pair.latent, std::move(bottom))};
}

}  // namespace

void AddLatentBlendNodes(NodeCatalogue& catalogue) {
  const std::vector<InputSpec> both = {SocketInput("samples1", "LATENT"),
                                       SocketInput("samples2", "LATENT")};
  const auto with = [&both](InputSpec input) {
    std::vector<InputSpec> inputs = both;
    inputs.push_back(std::move(input));
    return inputs;
  };
  const auto place = [](const std::string& name) {
    return IntInput(name, 0, 0, kMaxSide, kLatentScale);
  };
  const std::string advanced = "latent/advanced";
  Add(catalogue, MakeNode("LatentAdd", "LatentAdd", advanced, both, {"LATENT"}, [](NodeCall& call) {
        return Combined(call, [](float a, float b) { return a + b; });
      }));
  Add(catalogue,
      MakeNode("LatentSubtract", "LatentSubtract", advanced, both, {"LATENT"}, [](NodeCall& call) {
        return Combined(call, [](float a, float b) { return a - b; });
      }));
  Add(catalogue,
      MakeNode("LatentMultiply", "LatentMultiply", advanced,
               {SocketInput("samples", "LATENT"), FloatInput("multiplier", 1.0, -10.0, 10.0, 0.01)},
               {"LATENT"}, Multiply));
  Add(catalogue,
      MakeNode("LatentInterpolate", "LatentInterpolate", advanced,
               with(FloatInput("ratio", 1.0, 0.0, 1.0, 0.01)), {"LATENT"}, InterpolateLatents));
  Add(catalogue,
      MakeNode("LatentBlend", "Latent Blend", "_for_testing",
               with(FloatInput("blend_factor", 0.5, 0.0, 1.0, 0.01)), {"LATENT"}, Blend));
  Add(catalogue,
      MakeNode("LatentComposite", "Latent Composite", "latent",
               {SocketInput("samples_to", "LATENT"), SocketInput("samples_from", "LATENT"),
                place("x"), place("y"), place("feather")},
               {"LATENT"}, Composite));
  Add(catalogue, MakeNode("LatentCompositeMasked", "LatentCompositeMasked", "latent",
                          {SocketInput("destination", "LATENT"), SocketInput("source", "LATENT"),
                           place("x"), place("y"), BoolInput("resize_source", false),
                           SocketInput("mask", "MASK", /*required=*/false)},
                          {"LATENT"}, CompositeMasked));
}

}  // namespace patchbay::comfyui
