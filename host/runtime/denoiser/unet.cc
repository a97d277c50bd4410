#include "host/runtime/denoiser/unet.h"

#include <c10/core/GradMode.h>

#include <memory>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "host/base/process_memory.h"
#include "host/runtime/checkpoint/ldm_names.h"
#include "host/runtime/denoiser/feature_hooks.h"
#include "host/runtime/denoiser/norm_over_pictures.h"
#include "host/runtime/denoiser/recomputation.h"

namespace patchbay {
namespace {

constexpr ConvolutionGeometry kSameSize3x3 = {.stride = 1, .padding = 1, .dilation = 1};

absl::Status CheckWidth(const char* what, const at::Tensor& given, int64_t wanted) {
  if (given.defined() && given.size(-1) == wanted) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the text encoders do not fit the U-Net: its ",
                                                 what, " is ", wanted, " wide, and they give ",
                                                 given.defined() ? given.size(-1) : 0));
}

}  // namespace

absl::StatusOr<std::unique_ptr<const UNet>> UNet::Load(WeightReader& weights,
                                                       const UNetConfig& config) {
  auto unet = absl::WrapUnique(new UNet(weights, config));
  if (absl::Status status = weights.Finish(); !status.ok()) return status;
  // Packing leaves gaps between the weights that activations would only partly fill.
  ReturnFreedMemory();
  return unet;
}

UNet::UNet(WeightReader& weights, const UNetConfig& config)
    : sites_("unet"),
      precision_(weights.precision()),
      conv_in_(ModuleScope(weights, sites_).Child("conv_in"), -1, -1, 3, kSameSize3x3),
      time_embedding_(ModuleScope(weights, sites_).Child("time_embedding"), -1) {
  const ModuleScope root(weights, sites_);
  time_frequencies_ = {time_embedding_.in_features(), config.flip_sin_to_cos, config.freq_shift};
  if (root.Has("add_embedding.linear_1.weight")) {
    added_embedding_.emplace(root.Child("add_embedding"), -1);
    added_frequencies_ = {config.addition_time_embed_dim, config.flip_sin_to_cos,
                          config.freq_shift};
  }
  BlockOptions options;
  options.norm_groups = config.norm_groups;
  options.norm_epsilon = config.norm_eps;
  if (root.Has("encoder_hid_proj.weight")) {
    text_projection_.emplace(root.Child("encoder_hid_proj"), -1, -1, Linear::Bias::kRequired);
    text_features_ = text_projection_->in_features();
    options.context_features = text_projection_->out_features();
  }
  const int64_t levels = root.CountChildren("down_blocks");
  const auto heads = [&](int64_t level) { return config.heads[static_cast<size_t>(level)]; };
  first_stage_ = AddEncoderStage(root, options, conv_in_.in_channels(), conv_in_.out_channels());
  for (int64_t i = 0; i < levels; ++i) {
    down_blocks_.emplace_back(root.Child("down_blocks", i), heads(i), options);
  }
  if (root.CountChildren("mid_block.resnets") > 0) {
    mid_block_.emplace(root.Child("mid_block"), config.mid_heads, options);
  }
  for (int64_t i = 0; i < levels; ++i) {
    up_blocks_.emplace_back(root.Child("up_blocks", i), heads(levels - 1 - i), options);
  }
  conv_out_.emplace(root.Child("conv_out"), -1, -1, 3, kSameSize3x3);
  norm_out_.emplace(root.Child("conv_norm_out"), conv_out_->in_channels(), config.norm_groups,
                    config.norm_eps);
  for (const SpatialTransformer* transformer : Transformers()) {
    for (const TransformerBlock& block : transformer->blocks()) {
      if (text_features_ == 0) text_features_ = block.cross_attention().context_features();
    }
  }
  const UNetLdmLayout layout = UNetLdmLayout::FromDiffusers(weights.weights());
  sites_.AddLdmNames([&layout](std::string_view name) { return UNetLdmName(name, layout); });
}

std::vector<const SpatialTransformer*> UNet::Transformers() const {
  std::vector<const SpatialTransformer*> result;
  const auto add = [&result](const std::vector<SpatialTransformer>& transformers) {
    for (const SpatialTransformer& transformer : transformers) result.push_back(&transformer);
  };
  for (const DownBlock& block : down_blocks_) add(block.transformers());
  if (mid_block_) add(mid_block_->transformers());
  for (const UpBlock& block : up_blocks_) add(block.transformers());
  return result;
}

absl::StatusOr<TextContext> UNet::PrepareText(const UNetText& text,
                                              const OperatorCall& operators) const {
  if (absl::Status status = CheckWidth("text input", text.hidden_states, text_features_);
      !status.ok()) {
    return status;
  }
  TextContext context;
  at::Tensor hidden_states = text.hidden_states.to(precision_);
  if (text_projection_) hidden_states = text_projection_->Forward(hidden_states, operators);
  for (const SpatialTransformer* transformer : Transformers()) {
    for (const TransformerBlock& block : transformer->blocks()) {
      context.keys_and_values.push_back(block.cross_attention().Project(hidden_states, operators));
    }
  }
  if (added_embedding_) {
    if (!text.pooled.defined() || !text.time_ids.defined()) {
      return absl::InvalidArgumentError(
          "this U-Net needs a pooled text vector and size conditioning, and the text encoders give "
          "none");
    }
    const at::Tensor numbers = added_frequencies_.Forward(text.time_ids).flatten(1);
    const at::Tensor added = at::cat({text.pooled.to(at::kFloat), numbers}, 1);
    if (absl::Status status =
            CheckWidth("added text input", added, added_embedding_->in_features());
        !status.ok()) {
      return status;
    }
    context.added_embedding = added_embedding_->Forward(added.to(precision_), {}, operators);
  }
  return context;
}

UNetCall UNet::MakeCall(const UNetInput& input, const TextContext& text,
                        const OperatorCall& operators, const DenoiserHooks& hooks) const {
  const at::Tensor frequencies =
      time_frequencies_.Forward(input.timestep.expand({input.sample.size(0)})).to(precision_);
  const at::Tensor guidance =
      input.guidance_embedding.defined() ? input.guidance_embedding.to(precision_) : at::Tensor();
  at::Tensor embedding = time_embedding_.Forward(frequencies, guidance, operators);
  if (text.added_embedding.defined()) embedding = embedding + text.added_embedding;
  return {text, operators, hooks, at::silu(embedding), nullptr};
}

at::Tensor UNet::Forward(const UNetInput& input, const TextContext& text,
                         const OperatorCall& operators, const DenoiserHooks& hooks) const {
  UNetCall call = MakeCall(input, text, operators, hooks);
  if (c10::GradMode::is_enabled()) call.lasting = std::make_shared<const LastingCall>(call);
  at::Tensor x = input.sample.to(precision_).contiguous(at::MemoryFormat::ChannelsLast);
  if (const ModuleHooks* first = hooks.modules.Find(first_stage_)) {
    x = Edited(first->before, call, x);
  }
  std::vector<at::Tensor> skips;
  x = PutSkipAside(first_stage_, call, conv_in_.Forward(x, operators), skips);
  for (const DownBlock& block : down_blocks_) {
    if (Asked(input.is_cancelled)) return {};
    x = block.Forward(x, call, skips);
  }
  if (Asked(input.is_cancelled)) return {};
  if (mid_block_) x = mid_block_->Forward(x, call);
  for (const UpBlock& block : up_blocks_) {
    if (Asked(input.is_cancelled)) return {};
    x = block.Forward(x, call, skips);
  }
  const at::Tensor last = call.norms_over_pictures() ? NormSiluOverPictures(*norm_out_, call, x)
                                                     : norm_out_->ForwardSilu(x);
  return conv_out_->Forward(last, operators);
}

}  // namespace patchbay
