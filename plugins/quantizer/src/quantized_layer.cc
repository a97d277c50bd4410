#include "quantized_layer.h"

#include <utility>

#include "integer_product.h"

namespace quantizer {

QuantizedLayer::QuantizedLayer(const at::Tensor& weight, const at::Tensor& bias,
                               const LayerScheme& scheme)
    : scheme_(scheme), bias_(bias) {
  const int64_t inputs = weight.size(1);
  const int64_t split = scheme.skip_split;
  TORCH_CHECK(split >= 0 && split < inputs, "a layer of ", inputs, " inputs cannot be split at ",
              split);
  const auto pack = [&](int64_t first, int64_t count, const at::Tensor& its_bias) {
    return PackedWeight(weight.narrow(1, first, count), its_bias, Options());
  };
  if (split == 0) {
    AddPart(pack(0, inputs, bias), {0, inputs}, scheme.range);
  } else {
    AddPart(pack(0, split, bias), {0, split}, scheme.range);
    AddPart(pack(split, inputs - split, {}), {split, inputs - split}, scheme.skip_range);
  }
}

QuantizedLayer::QuantizedLayer(const std::vector<StoredWeight>& stored, int64_t kernel,
                               const at::Tensor& bias, const LayerScheme& scheme)
    : scheme_(scheme), bias_(bias) {
  TORCH_CHECK(stored.size() == (scheme.skip_split == 0 ? 1 : 2), "a stored weight has ",
              stored.size(), " parts");
  TORCH_CHECK(scheme.skip_split == 0 || scheme.skip_split == stored.front().inputs,
              "a stored weight is split elsewhere than its layer");
  int64_t first = 0;
  for (const StoredWeight& part : stored) {
    std::vector<int64_t> shape = {part.steps.size(0), part.inputs};
    if (kernel > 0) shape.insert(shape.end(), {kernel, kernel});
    AddPart(PackedWeight(part, std::move(shape), first == 0 ? bias : at::Tensor(), Options()),
            {first, part.inputs}, first == 0 ? scheme.range : scheme.skip_range);
    first += part.inputs;
  }
}

std::vector<StoredWeight> QuantizedLayer::Stored() const {
  std::vector<StoredWeight> stored;
  for (const Part& part : parts_) stored.push_back(part.weight.Stored());
  return stored;
}

void QuantizedLayer::AddPart(PackedWeight weight, Channels channels,
                             const std::optional<Range>& range) {
  parts_.push_back({channels, {.rotate = scheme_.rotate, .range = range}, std::move(weight)});
}

at::Tensor QuantizedLayer::Weight() const {
  std::vector<at::Tensor> weights;
  for (const Part& part : parts_) weights.push_back(part.weight.Dequantized());
  return weights.size() == 1 ? weights.front() : at::cat(weights, 1);
}

QuantizedInput QuantizedLayer::Quantize(const at::Tensor& x) const {
  return QuantizedInput::OfTokens(x, parts_.front().input);
}

at::Tensor QuantizedLayer::Multiply(const QuantizedInput& input, const at::Tensor& x) const {
  const PackedWeight& weight = parts_.front().weight;
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.outputs();
  const at::Tensor output =
      at::empty(shape, x.options().memory_format(at::MemoryFormat::Contiguous));
  IntegerProduct(input, weight, output.mutable_data_ptr(), ElementOf(x));
  return output;
}

at::Tensor QuantizedLayer::Forward(const at::Tensor& x) const {
  TORCH_CHECK(parts_.size() == 1, "a linear layer has no skip connection");
  if (!scheme_.integer_products) {
    return at::linear(x, Weight().to(x.scalar_type()),
                      bias_.defined() ? bias_.to(x.options()) : at::Tensor());
  }
  return Multiply(Quantize(x), x);
}

at::Tensor QuantizedLayer::Forward(const at::Tensor& x, const Geometry& geometry) const {
  if (!scheme_.integer_products) {
    const at::Tensor weight =
        Weight().to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    return at::conv2d(x, weight, bias_.defined() ? bias_.to(x.options()) : at::Tensor(),
                      geometry.stride, geometry.padding, geometry.dilation);
  }
  // Halves meet in fp32, as their integers' products do in the kernel.
  const at::ScalarType type = parts_.size() == 1 ? x.scalar_type() : at::kFloat;
  at::Tensor sum;
  for (const Part& part : parts_) {
    const QuantizedInput input = QuantizedInput::OfMaps(x, part.channels, geometry, part.input);
    const at::Tensor output =
        at::empty({x.size(0), part.weight.outputs(), input.out_height(), input.out_width()},
                  x.options().dtype(type).memory_format(at::MemoryFormat::ChannelsLast));
    IntegerProduct(input, part.weight, output.mutable_data_ptr(), ElementOf(output));
    sum = sum.defined() ? sum.add_(output) : output;
  }
  return sum.to(x.scalar_type());
}

size_t QuantizedLayer::bytes() const {
  size_t bytes = bias_.defined() ? bias_.nbytes() : 0;
  for (const Part& part : parts_) bytes += part.weight.bytes();
  return bytes;
}

}  // namespace quantizer
