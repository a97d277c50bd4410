#include "host/runtime/autoencoder/tiny_autoencoder.h"

#include <filesystem>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/safetensors.h"
#include "host/runtime/checkpoint/folder_weights.h"

namespace patchbay {
namespace {

constexpr ConvolutionGeometry kSameSize3x3 = {.stride = 1, .padding = 1, .dilation = 1};
constexpr ConvolutionGeometry kHalving3x3 = {.stride = 2, .padding = 1, .dilation = 1};
// The decoder squeezes latents softly into this range.
constexpr double kLatentRange = 3.0;
// What a damaged file may not exceed; published ones have 8, some 32.
constexpr int64_t kLargestScale = 64;

absl::StatusOr<WeightMap> OpenWeights(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return OpenFolderWeights(path, "diffusion_pytorch_model", "");
  }
  PATCHBAY_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(path));
  WeightMap weights;
  for (const auto& [name, tensor] : file.tensors()) {
    weights.emplace(name, ViewStoredWeight(tensor, file.file()));
  }
  return weights;
}

// Our convolutions have a bias.
void AddZeroBias(const std::string& module, WeightMap& weights) {
  const auto weight = weights.find(module + ".weight");
  if (weight == weights.end() || weight->second.tensor.dim() == 0) return;
  weights.emplace(module + ".bias",
                  StoredWeight{at::zeros({weight->second.tensor.size(0)}), nullptr});
}

void AddZeroBiases(const TinyLayout& layout, WeightMap& weights) {
  const std::string prefix = layout.path.empty() ? "" : layout.path + ".";
  int index = layout.first;
  for (const TinyLayer layer : layout.layers) {
    const std::string module = absl::StrCat(prefix, index++);
    if (layer == TinyLayer::kHalving || layer == TinyLayer::kConvolutionWithoutBias) {
      AddZeroBias(module, weights);
    } else if (layer == TinyLayer::kBlock) {
      AddZeroBias(module + ".skip", weights);
    }
  }
}

}  // namespace

TinyBlock::TinyBlock(const ModuleScope& scope, int64_t in_channels)
    : first_(scope.Child("conv", 0), in_channels, -1, 3, kSameSize3x3),
      second_(scope.Child("conv", 2), first_.out_channels(), -1, 3, kSameSize3x3),
      third_(scope.Child("conv", 4), second_.out_channels(), -1, 3, kSameSize3x3) {
  if (first_.in_channels() != third_.out_channels()) {
    skip_.emplace(scope.Child("skip"), first_.in_channels(), third_.out_channels(), 1,
                  ConvolutionGeometry{});
  }
}

at::Tensor TinyBlock::Forward(const at::Tensor& x) const {
  const OperatorTable none;
  at::Tensor hidden = at::relu(first_.Forward(x, none));
  hidden = at::relu(second_.Forward(hidden, none));
  return at::relu(third_.ForwardAdd(hidden, skip_ ? skip_->Forward(x, none) : x, none));
}

absl::StatusOr<std::unique_ptr<const TinyAutoencoder>> TinyAutoencoder::Open(
    const std::string& path, TinyHalf half, at::ScalarType precision, at::Device device) {
  PATCHBAY_ASSIGN_OR_RETURN(WeightMap weights, OpenWeights(path));
  PATCHBAY_ASSIGN_OR_RETURN(const TinyLayout layout, FindTinyLayout(weights, half, path));
  AddZeroBiases(layout, weights);
  WeightReader reader(path, std::move(weights), precision, device);
  // A file may hold both halves, each under its own path.
  if (!layout.path.empty()) {
    reader.AllowUnread(
        [prefix = layout.path + "."](std::string_view name) { return !name.starts_with(prefix); });
  }
  auto autoencoder = absl::WrapUnique(new TinyAutoencoder(reader, half, layout));
  PATCHBAY_RETURN_IF_ERROR(reader.Finish());
  if (autoencoder->scale() > kLargestScale) {
    return absl::InvalidArgumentError(absl::StrCat(path, " asks for ", autoencoder->scale(),
                                                   " pixels per latent unit; at most ",
                                                   kLargestScale, " make sense"));
  }
  return autoencoder;
}

TinyAutoencoder::TinyAutoencoder(WeightReader& weights, TinyHalf half, const TinyLayout& layout)
    : half_(half), precision_(weights.precision()), device_(weights.device()), sites_("taesd") {
  const ModuleScope root(weights, sites_);
  const ModuleScope sequence = layout.path.empty() ? root : root.Child(layout.path);
  // What each module gives the next; any number for the first.
  int64_t channels = -1;
  int index = layout.first;
  for (const TinyLayer layer : layout.layers) {
    const ModuleScope scope = sequence.Child(absl::StrCat(index++));
    switch (layer) {
      case TinyLayer::kConvolution:
      case TinyLayer::kConvolutionWithoutBias:
      case TinyLayer::kHalving: {
        const bool last = index == layout.first + static_cast<int>(layout.layers.size());
        const int64_t out = last && half == TinyHalf::kDecoder ? 3 : -1;
        const int64_t in = channels < 0 && half == TinyHalf::kEncoder ? 3 : channels;
        const Convolution convolution(scope, in, out, 3,
                                      layer == TinyLayer::kHalving ? kHalving3x3 : kSameSize3x3);
        if (scope.Has("weight")) channels = convolution.out_channels();
        layers_.emplace_back(convolution);
        break;
      }
      case TinyLayer::kBlock: {
        const TinyBlock block(scope, channels);
        if (scope.Has("conv.4.weight")) channels = block.out_channels();
        layers_.emplace_back(block);
        break;
      }
      case TinyLayer::kRelu:
        layers_.emplace_back(Relu{});
        break;
      case TinyLayer::kUpsample:
        layers_.emplace_back(Upsample{});
        break;
    }
    if (layer == TinyLayer::kHalving || layer == TinyLayer::kUpsample) scale_ *= 2;
  }
}

int64_t TinyAutoencoder::latent_channels() const {
  return half_ == TinyHalf::kDecoder ? std::get<Convolution>(layers_.front()).in_channels()
                                     : std::get<Convolution>(layers_.back()).out_channels();
}

at::Tensor TinyAutoencoder::Forward(const at::Tensor& input) const {
  const bool decoder = half_ == TinyHalf::kDecoder;
  at::Tensor x = input.to(device_, at::kFloat);
  x = decoder ? at::tanh(x / kLatentRange) * kLatentRange : (x + 1) / 2;
  x = x.to(precision_).contiguous(at::MemoryFormat::ChannelsLast);
  const OperatorTable none;
  for (const Layer& layer : layers_) {
    if (const auto* convolution = std::get_if<Convolution>(&layer)) {
      x = convolution->Forward(x, none);
    } else if (const auto* block = std::get_if<TinyBlock>(&layer)) {
      x = block->Forward(x);
    } else if (std::holds_alternative<Relu>(layer)) {
      x = at::relu(x);
    } else {
      x = at::upsample_nearest2d(x, {x.size(2) * 2, x.size(3) * 2});
    }
  }
  x = x.to(at::kFloat);
  return decoder ? x * 2 - 1 : x;
}

}  // namespace patchbay
