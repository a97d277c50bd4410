#include "host/runtime/denoiser/blocks.h"

#include <utility>

namespace patchbay {
namespace {

std::vector<UNetResnet> MakeResnets(const ModuleScope& scope, const BlockOptions& options) {
  std::vector<UNetResnet> resnets;
  const int64_t count = scope.CountChildren("resnets");
  resnets.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    resnets.emplace_back(scope.Child("resnets", i), options.norm_groups, options.norm_epsilon);
  }
  return resnets;
}

std::vector<SpatialTransformer> MakeTransformers(const ModuleScope& scope, int64_t heads,
                                                 BlockOptions& options) {
  std::vector<SpatialTransformer> transformers;
  const int64_t count = scope.CountChildren("attentions");
  transformers.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    transformers.emplace_back(scope.Child("attentions", i), heads, options.norm_groups,
                              options.context_features, options.next_context_index);
    options.next_context_index += transformers.back().blocks().size();
  }
  return transformers;
}

SiteIndex AddBlockSite(const ModuleScope& scope, const std::vector<UNetResnet>& resnets) {
  if (resnets.empty()) return scope.AddSite(SiteKind::kBlock, 0, 0);
  return scope.AddSite(SiteKind::kBlock, resnets.front().in_channels(),
                       resnets.back().out_channels());
}

}  // namespace

DownBlock::DownBlock(const ModuleScope& scope, int64_t heads, BlockOptions& options)
    : resnets_(MakeResnets(scope, options)),
      transformers_(MakeTransformers(scope, heads, options)) {
  if (scope.CountChildren("downsamplers") > 0) downsample_.emplace(scope.Child("downsamplers.0"));
  site_ = AddBlockSite(scope, resnets_);
}

at::Tensor DownBlock::Forward(at::Tensor x, const UNetCall& call,
                              std::vector<at::Tensor>& skips) const {
  for (size_t i = 0; i < resnets_.size(); ++i) {
    x = resnets_[i].Forward(x, call);
    if (i < transformers_.size()) x = transformers_[i].Forward(x, call);
    skips.push_back(x);
  }
  if (downsample_) {
    x = downsample_->Forward(x, call);
    skips.push_back(x);
  }
  return x;
}

MidBlock::MidBlock(const ModuleScope& scope, int64_t heads, BlockOptions& options)
    : resnets_(MakeResnets(scope, options)),
      transformers_(MakeTransformers(scope, heads, options)),
      site_(AddBlockSite(scope, resnets_)) {}

at::Tensor MidBlock::Forward(at::Tensor x, const UNetCall& call) const {
  for (size_t i = 0; i < resnets_.size(); ++i) {
    if (i > 0 && i - 1 < transformers_.size()) x = transformers_[i - 1].Forward(x, call);
    x = resnets_[i].Forward(x, call);
  }
  return x;
}

UpBlock::UpBlock(const ModuleScope& scope, int64_t heads, BlockOptions& options)
    : resnets_(MakeResnets(scope, options)),
      transformers_(MakeTransformers(scope, heads, options)) {
  if (scope.CountChildren("upsamplers") > 0) upsample_.emplace(scope.Child("upsamplers.0"));
  site_ = AddBlockSite(scope, resnets_);
}

at::Tensor UpBlock::Forward(at::Tensor x, const UNetCall& call,
                            std::vector<at::Tensor>& skips) const {
  for (size_t i = 0; i < resnets_.size(); ++i) {
    x = resnets_[i].Forward(at::cat({x, skips.back()}, 1), call);
    skips.pop_back();
    if (i < transformers_.size()) x = transformers_[i].Forward(x, call);
  }
  if (upsample_) {
    x = upsample_->Forward(x, skips.back().size(2), skips.back().size(3), call);
  }
  return x;
}

}  // namespace patchbay
