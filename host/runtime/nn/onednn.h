#ifndef PATCHBAY_HOST_RUNTIME_NN_ONEDNN_H_
#define PATCHBAY_HOST_RUNTIME_NN_ONEDNN_H_

#include <ATen/ATen.h>

namespace patchbay {

// LibTorch's operators on weights that oneDNN has put into its own order once ("prepacked"), those
// that its compiler emits for frozen models. The plain operators reorder the weight at each call.
// They have no derivative. Any thread may call.

// Whether weights of this type on this device can be packed by this LibTorch on this processor.
bool CanPackWeights(at::ScalarType type, at::Device device);
// Likewise, for a weight at hand.
bool CanPackWeight(const at::Tensor& weight);

// weight: [out, in]
at::Tensor PackLinearWeight(const at::Tensor& weight);
// x: [..., in]; bias: [out] or undefined.
at::Tensor PackedLinear(const at::Tensor& x, const at::Tensor& packed, const at::Tensor& bias);

// weight: [out, in, kernel, kernel]. input_size: [B, in, H, W] of the inputs to come, or empty.
at::Tensor PackConvolutionWeight(const at::Tensor& weight, int64_t stride, int64_t padding,
                                 int64_t dilation, at::IntArrayRef input_size);
// x: [B, in, H, W] in channels-last order, like the result. Another geometry or size than the one
// that the weight was packed for gives the right result, if not as fast.
at::Tensor PackedConvolution(const at::Tensor& x, const at::Tensor& packed, const at::Tensor& bias,
                             int64_t stride, int64_t padding, int64_t dilation);

// Whether both have the same shape, type and order of elements. May say no of equal ones; never yes
// of different ones.
bool HaveSameOrder(const at::Tensor& packed, const at::Tensor& other);

// The weight as it was before packing, in a new tensor.
at::Tensor UnpackWeight(const at::Tensor& packed);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_ONEDNN_H_
