#include "host/runtime/denoiser/blocks.h"

#include <utility>

#include "host/runtime/denoiser/feature_hooks.h"

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

at::Tensor BeforeStage(SiteIndex stage, const UNetCall& call, const at::Tensor& x) {
  const ModuleHooks* hooks = call.hooks.modules.Find(stage);
  return hooks == nullptr ? x : Edited(hooks->before, call, x);
}

at::Tensor AfterStage(SiteIndex stage, const UNetCall& call, const at::Tensor& x) {
  const ModuleHooks* hooks = call.hooks.modules.Find(stage);
  return hooks == nullptr ? x : Edited(hooks->after, call, x);
}

}  // namespace

SiteIndex AddEncoderStage(const ModuleScope& scope, BlockOptions& options, int64_t in_channels,
                          int64_t out_channels) {
  options.skip_channels.push_back(out_channels);
  return scope.sites().AddStage(SiteKind::kEncoderStage, options.next_encoder_stage++, in_channels,
                                out_channels);
}

DownBlock::DownBlock(const ModuleScope& scope, int64_t heads, BlockOptions& options)
    : resnets_(MakeResnets(scope, options)),
      transformers_(MakeTransformers(scope, heads, options)) {
  if (scope.CountChildren("downsamplers") > 0) downsample_.emplace(scope.Child("downsamplers.0"));
  site_ = AddBlockSite(scope, resnets_);
  const auto add_stage = [&](int64_t in_channels, int64_t out_channels) {
    stages_.push_back(AddEncoderStage(scope, options, in_channels, out_channels));
  };
  for (const UNetResnet& resnet : resnets_) add_stage(resnet.in_channels(), resnet.out_channels());
  if (downsample_) add_stage(downsample_->out_channels(), downsample_->out_channels());
}

at::Tensor DownBlock::Forward(const at::Tensor& input, const UNetCall& call,
                              std::vector<at::Tensor>& skips) const {
  return WithModuleHooks(site_, call, input, [&](at::Tensor x) {
    for (size_t i = 0; i < resnets_.size(); ++i) {
      x = resnets_[i].Forward(BeforeStage(stages_[i], call, x), call);
      if (i < transformers_.size()) x = transformers_[i].Forward(x, call);
      x = PutSkipAside(stages_[i], call, x, skips);
    }
    if (downsample_) {
      x = downsample_->Forward(BeforeStage(stages_.back(), call, x), call);
      x = PutSkipAside(stages_.back(), call, x, skips);
    }
    return x;
  });
}

MidBlock::MidBlock(const ModuleScope& scope, int64_t heads, BlockOptions& options)
    : resnets_(MakeResnets(scope, options)),
      transformers_(MakeTransformers(scope, heads, options)),
      site_(AddBlockSite(scope, resnets_)) {}

at::Tensor MidBlock::Forward(const at::Tensor& input, const UNetCall& call) const {
  return WithModuleHooks(site_, call, input, [&](at::Tensor x) {
    for (size_t i = 0; i < resnets_.size(); ++i) {
      if (i > 0 && i - 1 < transformers_.size()) x = transformers_[i - 1].Forward(x, call);
      x = resnets_[i].Forward(x, call);
    }
    return x;
  });
}

UpBlock::UpBlock(const ModuleScope& scope, int64_t heads, BlockOptions& options)
    : resnets_(MakeResnets(scope, options)),
      transformers_(MakeTransformers(scope, heads, options)) {
  if (scope.CountChildren("upsamplers") > 0) upsample_.emplace(scope.Child("upsamplers.0"));
  site_ = AddBlockSite(scope, resnets_);
  for (const UNetResnet& resnet : resnets_) {
    stages_.push_back(scope.sites().AddStage(SiteKind::kDecoderStage, options.next_decoder_stage++,
                                             resnet.in_channels(), resnet.out_channels()));
    if (options.skip_channels.empty()) continue;
    resnet.SetSkipSplit(scope.sites(), resnet.in_channels() - options.skip_channels.back());
    options.skip_channels.pop_back();
  }
}

at::Tensor UpBlock::Forward(const at::Tensor& input, const UNetCall& call,
                            std::vector<at::Tensor>& skips) const {
  return WithModuleHooks(site_, call, input, [&](at::Tensor x) {
    for (size_t i = 0; i < resnets_.size(); ++i) {
      x = resnets_[i].Forward(JoinWithSkip(stages_[i], call, x, skips), call);
      if (i < transformers_.size()) x = transformers_[i].Forward(x, call);
      if (upsample_ && i + 1 == resnets_.size()) {
        x = upsample_->Forward(x, skips.back().size(2), skips.back().size(3), call);
      }
      x = AfterStage(stages_[i], call, x);
    }
    return x;
  });
}

}  // namespace patchbay
