#ifndef PATCHBAY_HOST_RUNTIME_DENOISER_BLOCKS_H_
#define PATCHBAY_HOST_RUNTIME_DENOISER_BLOCKS_H_

#include <ATen/ATen.h>

#include <optional>
#include <vector>

#include "host/runtime/denoiser/resampling.h"
#include "host/runtime/denoiser/resnet.h"
#include "host/runtime/denoiser/transformer.h"
#include "host/runtime/denoiser/unet_call.h"

namespace patchbay {

// What all blocks of a U-Net share while it is being built.
struct BlockOptions {
  int64_t norm_groups = 32;
  double norm_epsilon = 1e-5;
  // Width of the text's hidden states after UNet's own projection, if any; negative accepts any.
  int64_t context_features = -1;
  // Counts the cross-attentions as they are made: down, mid, up.
  size_t next_context_index = 0;
  // Counts the stages of the encoder and of the decoder, and keeps the widths of the skip
  // connections that the decoder has not taken back yet.
  int64_t next_encoder_stage = 0;
  int64_t next_decoder_stage = 0;
  std::vector<int64_t> skip_channels;
};

// Registers the encoder's next stage.
SiteIndex AddEncoderStage(const ModuleScope& scope, BlockOptions& options, int64_t in_channels,
                          int64_t out_channels);

// Resnets, each followed by a spatial transformer where the checkpoint has one, then a downsampler
// where it has one.
class DownBlock {
 public:
  DownBlock(const ModuleScope& scope, int64_t heads, BlockOptions& options);

  // Appends what the up blocks will want to see again to `skips` and returns the last of it.
  at::Tensor Forward(const at::Tensor& input, const UNetCall& call,
                     std::vector<at::Tensor>& skips) const;

  const std::vector<SpatialTransformer>& transformers() const { return transformers_; }

 private:
  std::vector<UNetResnet> resnets_;
  std::vector<SpatialTransformer> transformers_;
  std::optional<Downsample> downsample_;
  std::vector<SiteIndex> stages_;  // one for each resnet, one for the downsampler
  SiteIndex site_;
};

// A resnet, then any number of pairs of spatial transformer and resnet.
class MidBlock {
 public:
  MidBlock(const ModuleScope& scope, int64_t heads, BlockOptions& options);

  at::Tensor Forward(const at::Tensor& input, const UNetCall& call) const;

  const std::vector<SpatialTransformer>& transformers() const { return transformers_; }

 private:
  std::vector<UNetResnet> resnets_;
  std::vector<SpatialTransformer> transformers_;
  SiteIndex site_;
};

// Like a down block, but each resnet sees a skip connection beside its input, and it ends with an
// upsampler.
class UpBlock {
 public:
  UpBlock(const ModuleScope& scope, int64_t heads, BlockOptions& options);

  // Takes its skip connections off the end of `skips`.
  at::Tensor Forward(const at::Tensor& input, const UNetCall& call,
                     std::vector<at::Tensor>& skips) const;

  const std::vector<SpatialTransformer>& transformers() const { return transformers_; }

 private:
  std::vector<UNetResnet> resnets_;
  std::vector<SpatialTransformer> transformers_;
  std::optional<Upsample> upsample_;
  std::vector<SiteIndex> stages_;  // one for each resnet
  SiteIndex site_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_DENOISER_BLOCKS_H_
