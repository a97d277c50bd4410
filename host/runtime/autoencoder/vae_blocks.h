#ifndef PATCHBAY_HOST_RUNTIME_AUTOENCODER_VAE_BLOCKS_H_
#define PATCHBAY_HOST_RUNTIME_AUTOENCODER_VAE_BLOCKS_H_

#include <ATen/ATen.h>

#include <optional>
#include <vector>

#include "host/base/cancellation_check.h"
#include "host/runtime/nn/convolution.h"
#include "host/runtime/nn/linear.h"
#include "host/runtime/nn/normalization.h"

namespace patchbay {

// The autoencoder's building blocks; names as in diffusers' AutoencoderKL. All of them take and
// give [B, C, H, W] in channels-last order.

// shortcut(x) + conv2(SiLU(norm2(conv1(SiLU(norm1(x))))))
class VaeResnet {
 public:
  VaeResnet(const ModuleScope& scope, int64_t norm_groups);
  int64_t in_channels() const { return first_.in_channels(); }
  int64_t out_channels() const { return first_.out_channels(); }
  at::Tensor Forward(const at::Tensor& x, const OperatorCall& operators) const;

 private:
  Convolution first_;
  Convolution second_;
  GroupNorm first_norm_;
  GroupNorm second_norm_;
  std::optional<Convolution> shortcut_;
};

// Self-attention with a single head over all positions.
class VaeAttention {
 public:
  VaeAttention(const ModuleScope& scope, int64_t norm_groups);
  at::Tensor Forward(const at::Tensor& x, const OperatorCall& operators) const;

 private:
  Linear to_q_;
  Linear to_k_;
  Linear to_v_;
  Linear to_out_;
  GroupNorm norm_;
};

// A resnet, attention where the checkpoint has it, a resnet.
class VaeMidBlock {
 public:
  VaeMidBlock(const ModuleScope& scope, int64_t norm_groups);
  at::Tensor Forward(at::Tensor x, const OperatorCall& operators,
                     const CancellationCheck& is_cancelled) const;

 private:
  VaeResnet first_;
  std::optional<VaeAttention> attention_;
  VaeResnet second_;
};

// Resnets, then a change of size where the checkpoint has one: halved (after padding by one on the
// right and at the bottom) or doubled (nearest neighbour), each with a 3x3 convolution.
class VaeLevel {
 public:
  VaeLevel(const ModuleScope& scope, int64_t norm_groups);
  // The most channels that any map in here has.
  int64_t widest() const;
  at::Tensor Forward(at::Tensor x, const OperatorCall& operators,
                     const CancellationCheck& is_cancelled) const;

 private:
  std::vector<VaeResnet> resnets_;
  std::optional<Convolution> downsample_;
  std::optional<Convolution> upsample_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_AUTOENCODER_VAE_BLOCKS_H_
