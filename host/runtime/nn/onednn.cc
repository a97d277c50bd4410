#include "host/runtime/nn/onednn.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>
#include <string_view>

namespace patchbay {
namespace {

using Scalars = c10::List<std::optional<at::Scalar>>;

// The operators have no header: they are found by name, with the signatures of their schemas
// (aten/src/ATen/native/mkldnn/RegisterMkldnnOpContextClass.cpp in LibTorch).
using ReorderLinear = at::Tensor(const at::Tensor&, std::optional<int64_t>);
using LinearPointwise = at::Tensor(const at::Tensor&, const at::Tensor&,
                                   const std::optional<at::Tensor>&, std::string_view, Scalars,
                                   std::optional<std::string_view>);
using ReorderConvolution = at::Tensor(const at::Tensor&, at::IntArrayRef, at::IntArrayRef,
                                      at::IntArrayRef, int64_t, at::OptionalIntArrayRef);
using ConvolutionPointwise = at::Tensor(const at::Tensor&, const at::Tensor&,
                                        const std::optional<at::Tensor>&, at::IntArrayRef,
                                        at::IntArrayRef, at::IntArrayRef, int64_t, std::string_view,
                                        Scalars, std::optional<std::string_view>);

using DescribeOrder = at::Tensor(const at::Tensor&);

// Where dnnl_memory_desc has four bytes that mean nothing: after its number of dimensions (4 bytes,
// padded to 8), twelve dimensions of 8 bytes, and its data type of 4.
constexpr int64_t kPaddingBegin = 8 + 12 * 8 + 4;
constexpr int64_t kPaddingEnd = kPaddingBegin + 4;

template <typename Signature>
c10::TypedOperatorHandle<Signature> FindOperator(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

bool HasBFloat16Products() {
  static const bool supported =
      c10::Dispatcher::singleton().findSchema({"mkldnn::_is_mkldnn_bf16_supported", ""}) &&
      FindOperator<bool()>("mkldnn::_is_mkldnn_bf16_supported").call();
  return supported;
}

std::optional<at::Tensor> OptionalTensor(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional<at::Tensor>(tensor) : std::nullopt;
}

}  // namespace

bool CanPackWeights(at::ScalarType type, at::Device device) {
  static const bool present =
      at::globalContext().hasMKLDNN() &&
      c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""}).has_value();
  if (!present || !device.is_cpu()) return false;
  return type == at::kFloat || (type == at::kBFloat16 && HasBFloat16Products());
}

bool CanPackWeight(const at::Tensor& weight) {
  return weight.numel() > 0 && CanPackWeights(weight.scalar_type(), weight.device());
}

at::Tensor PackLinearWeight(const at::Tensor& weight) {
  static const auto op = FindOperator<ReorderLinear>("mkldnn::_reorder_linear_weight");
  return op.call(weight, std::nullopt);
}

at::Tensor PackedLinear(const at::Tensor& x, const at::Tensor& packed, const at::Tensor& bias) {
  static const auto op = FindOperator<LinearPointwise>("mkldnn::_linear_pointwise");
  return op.call(x, packed, OptionalTensor(bias), "none", Scalars(), "");
}

at::Tensor PackConvolutionWeight(const at::Tensor& weight, int64_t stride, int64_t padding,
                                 int64_t dilation, at::IntArrayRef input_size) {
  static const auto op = FindOperator<ReorderConvolution>("mkldnn::_reorder_convolution_weight");
  return op.call(weight, {padding, padding}, {stride, stride}, {dilation, dilation}, /*groups=*/1,
                 input_size.empty() ? at::OptionalIntArrayRef() : input_size);
}

at::Tensor PackedConvolution(const at::Tensor& x, const at::Tensor& packed, const at::Tensor& bias,
                             int64_t stride, int64_t padding, int64_t dilation) {
  static const auto op = FindOperator<ConvolutionPointwise>("mkldnn::_convolution_pointwise");
  return op.call(x, packed, OptionalTensor(bias), {padding, padding}, {stride, stride},
                 {dilation, dilation}, /*groups=*/1, "none", Scalars(), "");
}

bool HaveSameOrder(const at::Tensor& packed, const at::Tensor& other) {
  static const auto op = FindOperator<DescribeOrder>("mkldnn::_get_mkldnn_serialized_md");
  const auto describe = [](const at::Tensor& tensor) {
    at::Tensor bytes = op.call(tensor);
    // The compiler's own padding between the description's 4-byte type and its 8-byte sizes holds
    // whatever the memory held before.
    if (bytes.numel() > kPaddingEnd) bytes.slice(0, kPaddingBegin, kPaddingEnd).zero_();
    return bytes;
  };
  return at::equal(describe(packed), describe(other));
}

at::Tensor UnpackWeight(const at::Tensor& packed) { return packed.to_dense(); }

}  // namespace patchbay
