#include "device_layer.h"

#include <algorithm>
#include <utility>

namespace quantizer {
namespace {

// What _int_mm on CUDA wants of its operands: more rows than this, and multiples of this in the
// other sizes.
constexpr int64_t kRowsOfIntegerProduct = 16;
constexpr int64_t kMultiple = 8;

// The regular Hadamard matrix of order 64, over 8.
at::Tensor Rotation(const at::TensorOptions& options) {
  const at::Tensor h = at::tensor({1.0f, 1.0f, 1.0f, -1.0f, 1.0f, 1.0f, -1.0f, 1.0f,  //
                                   1.0f, -1.0f, 1.0f, 1.0f, -1.0f, 1.0f, 1.0f, 1.0f})
                           .view({4, 4}) /
                       2;
  return at::kron(h, at::kron(h, h)).to(options);
}

at::Tensor Rotated(const at::Tensor& values, const at::Tensor& rotation) {
  return at::matmul(values.unflatten(-1, {-1, kRotation}), rotation).flatten(-2);
}

}  // namespace

DeviceLayer::DeviceLayer(const std::vector<StoredWeight>& stored, int64_t kernel,
                         const at::Tensor& bias, const LayerScheme& scheme, at::Device device)
    : scheme_(scheme), kernel_(kernel), bias_(bias.defined() ? bias.to(device) : bias) {
  for (const StoredWeight& given : stored) {
    Part part;
    part.inputs = given.inputs;
    part.rotated = scheme.rotate && given.inputs % kRotation == 0;
    part.integers = given.integers.to(device);
    part.steps = given.steps.to(device).view({-1, 1, 1});
    if (given.multiples.defined()) part.multiples = given.multiples.to(device).to(at::kChar);
    if (part.rotated && !rotation_.defined()) rotation_ = Rotation(part.steps.options());
    if (kernel == 0) part.sums = Integers(part).to(at::kFloat).sum({1, 2});
    parts_.push_back(std::move(part));
  }
}

at::Tensor DeviceLayer::Integers(const Part& part) const {
  if (scheme_.weight_bits == 8) return part.integers;
  const at::Tensor halves =
      at::stack({part.integers.bitwise_and(0x0f), part.integers.bitwise_right_shift(4)}, 3);
  const at::Tensor levels = halves.flatten(2).narrow(2, 0, part.inputs).to(at::kChar).sub_(8);
  return levels * part.multiples.repeat_interleave(kScaleGroup, 2).narrow(2, 0, part.inputs);
}

at::Tensor DeviceLayer::Weight(at::ScalarType type) const {
  std::vector<at::Tensor> weights;
  for (const Part& part : parts_) {
    const at::Tensor values = Integers(part).to(at::kFloat) * part.steps;
    weights.push_back((part.rotated ? Rotated(values, rotation_) : values).to(type));
  }
  const at::Tensor all = at::cat(weights, 2);
  if (kernel_ == 0) return all.squeeze(1);
  return all.transpose(1, 2)
      .unflatten(2, {kernel_, kernel_})
      .contiguous(at::MemoryFormat::ChannelsLast);
}

// rows: [N, in]
at::Tensor DeviceLayer::IntegerProduct(const at::Tensor& rows) const {
  const Part& part = parts_.front();
  at::Tensor values = rows.to(at::kFloat);
  if (part.rotated) values = Rotated(values, rotation_);
  at::Tensor low;
  at::Tensor high;
  if (scheme_.range) {
    low = at::full({1, 1}, scheme_.range->low, values.options());
    high = at::full({1, 1}, scheme_.range->high, values.options());
  } else {
    low = values.amin(1, /*keepdim=*/true).clamp_max(0);
    high = values.amax(1, /*keepdim=*/true).clamp_min(0);
  }
  // Rows of nothing but zeros have a step of 0.
  const at::Tensor step = ((high - low) / 255).clamp_min_(1e-30);
  const at::Tensor zero = (-low / step).round_();
  // Integers from -128 to 127 in the place of 0 to 255.
  const at::Tensor bytes = ((values / step).round_() + zero).clamp_(0, 255).sub_(128).to(at::kChar);
  const at::Tensor product = at::_int_mm(bytes, Integers(part).squeeze(1).t()).to(at::kFloat);
  return (product + (128 - zero) * part.sums) * step * part.steps.view({1, -1});
}

at::Tensor DeviceLayer::Forward(const at::Tensor& x) const {
  const at::Tensor rows = x.reshape({-1, x.size(-1)});
  const int64_t outputs = parts_.front().steps.size(0);
  const bool can_multiply = scheme_.integer_products && rows.size(0) > kRowsOfIntegerProduct &&
                            x.size(-1) % kMultiple == 0 && outputs % kMultiple == 0;
  const at::Tensor bias = bias_.defined() ? bias_.to(x.scalar_type()) : at::Tensor();
  if (!can_multiply) return at::linear(x, Weight(x.scalar_type()), bias);
  at::Tensor output = IntegerProduct(rows);
  if (bias_.defined()) output = output + bias_;
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = outputs;
  return output.to(x.scalar_type()).view(shape);
}

at::Tensor DeviceLayer::Forward(const at::Tensor& x, const Geometry& geometry) const {
  return at::conv2d(x, Weight(x.scalar_type()),
                    bias_.defined() ? bias_.to(x.scalar_type()) : at::Tensor(), geometry.stride,
                    geometry.padding, geometry.dilation);
}

size_t DeviceLayer::bytes() const {
  size_t bytes = 0;
  for (const Part& part : parts_) {
    for (const at::Tensor& held : {part.integers, part.steps, part.multiples, part.sums}) {
      if (held.defined()) bytes += held.nbytes();
    }
  }
  return bytes;
}

}  // namespace quantizer
