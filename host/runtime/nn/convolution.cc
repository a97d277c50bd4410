#include "host/runtime/nn/convolution.h"

#include <optional>
#include <utility>
#include <vector>

#include "host/runtime/nn/accumulate.h"
#include "host/runtime/nn/input_gradient.h"
#include "host/runtime/nn/onednn.h"
#include "host/runtime/nn/wants_gradient.h"

namespace patchbay {
namespace {

// Whether a 1x1 convolution is a product over the channels of each position.
bool IsPositionwise(const ConvolutionGeometry& geometry) {
  return geometry.stride == 1 && geometry.padding == 0;
}

struct FixedConvolution {
  static constexpr bool kKeepsInput = false;
};

at::Tensor InputGradientOf(const at::Tensor& weight, const ConvolutionGeometry& geometry,
                           at::IntArrayRef input_sizes, const at::Tensor& of_output) {
  // Only the input's sizes are read where no gradient of the weight is asked for.
  const at::Tensor input = at::empty({1}, of_output.options()).expand(input_sizes);
  const auto [of_input, of_weight, of_bias] = at::convolution_backward(
      of_output.contiguous(at::MemoryFormat::ChannelsLast), input,
      weight.contiguous(at::MemoryFormat::ChannelsLast), /*bias_sizes=*/std::nullopt,
      {geometry.stride, geometry.stride}, {geometry.padding, geometry.padding},
      {geometry.dilation, geometry.dilation}, /*transposed=*/false, /*output_padding=*/{0, 0},
      /*groups=*/1, {true, false, false});
  return of_input;
}

}  // namespace

class Convolution::Storage final : public OperatorStorage {
 public:
  Storage(const at::Tensor& weight, at::Tensor bias, const ConvolutionGeometry& geometry)
      : shape_(weight.sizes().vec()),
        bytes_(weight.nbytes()),
        geometry_(geometry),
        bias_(std::move(bias)) {
    if (!weight.is_meta()) GiveBack(weight);
  }

  OperatorWeights Weights() const override { return {weight(), bias_}; }
  bool has_weight() const override {
    return packed_ != nullptr || packed_linear_.defined() || plain_.defined();
  }
  uint64_t bytes() const override {
    return packed_ == nullptr ? bytes_ : bytes_ * packed_->kept_orders();
  }
  const std::vector<int64_t>& shape() const override { return shape_; }
  void LetGo() override {
    packed_ = nullptr;
    packed_linear_ = at::Tensor();
    plain_ = at::Tensor();
  }
  void GiveBack(const at::Tensor& weight) override {
    if (!CanPackWeight(weight)) {
      plain_ = weight.contiguous(at::MemoryFormat::ChannelsLast);
    } else if (shape_[3] == 1 && IsPositionwise(geometry_)) {
      packed_linear_ = PackLinearWeight(weight.flatten(1));
    } else {
      packed_ = std::make_shared<const PackedConvolutionWeight>(weight, geometry_);
    }
  }

  const std::shared_ptr<const PackedConvolutionWeight>& packed() const { return packed_; }
  const at::Tensor& packed_linear() const { return packed_linear_; }
  at::Tensor weight() const {
    if (packed_ != nullptr) return packed_->Unpacked();
    if (packed_linear_.defined()) return UnpackWeight(packed_linear_).unsqueeze(-1).unsqueeze(-1);
    return plain_;
  }

 private:
  std::vector<int64_t> shape_;
  uint64_t bytes_;
  ConvolutionGeometry geometry_;
  at::Tensor bias_;
  // One of the three: packed as a convolution, as a linear layer, as it is.
  std::shared_ptr<const PackedConvolutionWeight> packed_;
  at::Tensor packed_linear_;
  at::Tensor plain_;
};

Convolution::Convolution(const ModuleScope& scope, int64_t in_channels, int64_t out_channels,
                         int64_t kernel, const ConvolutionGeometry& geometry)
    : geometry_(geometry) {
  const std::vector<int64_t> shape = {out_channels, in_channels, kernel, kernel};
  const at::Tensor weight = scope.ReadOperator(shape);
  out_channels_ = weight.size(0);
  in_channels_ = weight.size(1);
  bias_ = scope.Read("bias", {out_channels_});
  storage_ = std::make_shared<Storage>(weight, bias_, geometry);
  site_ = scope.AddSite(SiteKind::kConvolution, in_channels_, out_channels_);
  Site& site = scope.sites().Edit(site_);
  site.kernel = kernel;
  site.stride = geometry.stride;
  site.padding = geometry.padding;
  scope.sites().SetStorage(site_, storage_);
}

at::Tensor Convolution::weight() const { return storage_->weight(); }

at::Tensor Convolution::Apply(const at::Tensor& x, const ConvolutionGeometry& geometry) const {
  TORCH_CHECK(storage_->has_weight(), "a convolution's weight was released by the plugin that ",
              "replaces it, and the plugin gave no output in its place");
  if (WantsGradient(x)) return ApplyDifferentiably(x, geometry);
  const at::Tensor& packed_linear = storage_->packed_linear();
  if (packed_linear.defined() && IsPositionwise(geometry)) {
    return PackedLinear(x.permute({0, 2, 3, 1}), packed_linear, bias_).permute({0, 3, 1, 2});
  }
  const at::Tensor input = x.contiguous(at::MemoryFormat::ChannelsLast);
  if (const auto& packed = storage_->packed(); packed != nullptr) {
    return PackedConvolution(input, packed->For(input, geometry), bias_, geometry.stride,
                             geometry.padding, geometry.dilation);
  }
  return at::conv2d(input, weight().contiguous(at::MemoryFormat::ChannelsLast), bias_,
                    geometry.stride, geometry.padding, geometry.dilation);
}

at::Tensor Convolution::ApplyDifferentiably(const at::Tensor& x,
                                            const ConvolutionGeometry& geometry) const {
  return WithInputGradient<FixedConvolution>(
      x, [&](const at::Tensor& input) { return Apply(input, geometry); },
      [storage = storage_, geometry, sizes = x.sizes().vec()](const at::Tensor&,
                                                              const at::Tensor& of_output) {
        TORCH_CHECK(storage->has_weight(), "a convolution's weight was released before gradients ",
                    "through it were taken");
        return InputGradientOf(storage->weight(), geometry, sizes, of_output);
      });
}

at::Tensor Convolution::Forward(const at::Tensor& x, const OperatorCall& operators) const {
  return Forward(x, geometry_, operators);
}

at::Tensor Convolution::Forward(const at::Tensor& x, const ConvolutionGeometry& geometry,
                                const OperatorCall& operators) const {
  if (const OperatorPatch* patch = operators.table.Find(site_)) {
    return patch->Forward({x, &geometry, operators.evaluation},
                          [&](const at::Tensor& input) { return Apply(input, geometry); });
  }
  return Apply(x, geometry);
}

at::Tensor Convolution::ForwardAdd(const at::Tensor& x, const at::Tensor& residual,
                                   const OperatorCall& operators) const {
  // A patch may keep what it returns.
  if (operators.table.Find(site_)) return Forward(x, operators) + residual;
  return Accumulate(Apply(x, geometry_), residual);
}

}  // namespace patchbay
