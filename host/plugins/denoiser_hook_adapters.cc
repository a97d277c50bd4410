#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/plugins/hook_adapters.h"
#include "host/plugins/hook_kinds.h"
#include "patchbay/abi/hooks.h"

namespace patchbay {
namespace {

using Target = std::shared_ptr<const HookTarget>;

// ---- Attention ----

patchbay_grid GridOf(const TokenGrid& grid) {
  return {.struct_size = sizeof(patchbay_grid), .height = grid.height, .width = grid.width};
}

// May give another batch and number of tokens.
AttentionHooks::TokenEdit AdaptTokenEdit(Target target) {
  return [target](const Evaluation& evaluation, const TokenGrid& grid,
                  const at::Tensor& tokens) -> at::Tensor {
    if (!target->IsActive(evaluation)) return {};
    const patchbay_grid lent = GridOf(grid);
    patchbay_tensor edited = nullptr;
    target->Call<patchbay_token_edit>(evaluation, &lent, Lend(tokens), &edited);
    return target->Checked(edited, tokens, {-1, -1, tokens.size(2)});
  };
}

AttentionHooks::Attend AdaptAttend(Target target, bool looks_on) {
  return
      [target, looks_on](const Evaluation& evaluation, const AttentionState& state) -> at::Tensor {
        if (!target->IsActive(evaluation)) return {};
        const patchbay_attention lent = {.struct_size = sizeof(patchbay_attention),
                                         .grid = GridOf(state.grid),
                                         .heads = state.heads,
                                         .query = Lend(state.query),
                                         .key = Lend(state.key),
                                         .value = Lend(state.value),
                                         .tokens = Lend(state.tokens),
                                         .attended = LendOptional(state.attended)};
        patchbay_tensor result = nullptr;
        target->Call<patchbay_attend>(evaluation, &lent, &result);
        if (!looks_on) return target->CheckedLike(result, state.query);
        target->CheckNothing(result);
        return {};
      };
}

void AddTokensBefore(Target target, const HookOwner&, SiteIndex site, size_t count,
                     HookCollection& collection) {
  collection.hooks.denoiser.attentions.At(site, count)
      .before.push_back(AdaptTokenEdit(std::move(target)));
}

// In reverse order: who changed the tokens last restores them first.
void AddTokensAfter(Target target, const HookOwner&, SiteIndex site, size_t count,
                    HookCollection& collection) {
  auto& after = collection.hooks.denoiser.attentions.At(site, count).after;
  after.insert(after.begin(), AdaptTokenEdit(std::move(target)));
}

template <std::vector<AttentionHooks::Attend> AttentionHooks::*kMember, bool kLooksOn = false>
void AddAttend(Target target, const HookOwner&, SiteIndex site, size_t count,
               HookCollection& collection) {
  (collection.hooks.denoiser.attentions.At(site, count).*kMember)
      .push_back(AdaptAttend(std::move(target), kLooksOn));
}

// ---- Modules, stages, resampling ----

FeatureEdit AdaptFeatureEdit(Target target) {
  return [target](const Evaluation& evaluation, const at::Tensor& features) -> at::Tensor {
    if (!target->IsActive(evaluation)) return {};
    patchbay_tensor edited = nullptr;
    target->Call<patchbay_feature_edit>(evaluation, Lend(features), &edited);
    return target->Checked(edited, features, {features.size(0), features.size(1), -1, -1});
  };
}

template <std::vector<FeatureEdit> ModuleHooks::*kMember>
void AddFeatureEdit(Target target, const HookOwner&, SiteIndex site, size_t count,
                    HookCollection& collection) {
  (collection.hooks.denoiser.modules.At(site, count).*kMember)
      .push_back(AdaptFeatureEdit(std::move(target)));
}

void AddJoin(Target target, const HookOwner&, SiteIndex site, size_t count,
             HookCollection& collection) {
  collection.hooks.denoiser.modules.At(site, count)
      .join.push_back([target](const Evaluation& evaluation, at::Tensor& below, at::Tensor& skip) {
        if (!target->IsActive(evaluation)) return;
        patchbay_tensor edited[2] = {nullptr, nullptr};
        target->Call<patchbay_join>(evaluation, Lend(below), Lend(skip), &edited[0], &edited[1]);
        // Both are taken over before either is found fault with.
        const at::Tensor given[2] = {Adopted(edited[0]), Adopted(edited[1])};
        const auto check = [&](const at::Tensor& tensor, at::Tensor& place) {
          if (!tensor.defined()) return;
          place = target->Checked(NewHandle(tensor), place, {place.size(0), place.size(1), -1, -1});
        };
        check(given[0], below);
        check(given[1], skip);
      });
}

patchbay_convolution_geometry GeometryOf(const ConvolutionGeometry& geometry) {
  return {.struct_size = sizeof(patchbay_convolution_geometry),
          .stride = geometry.stride,
          .padding = geometry.padding,
          .dilation = geometry.dilation};
}

void AddGeometry(Target target, const HookOwner&, SiteIndex site, size_t count,
                 HookCollection& collection) {
  collection.hooks.denoiser.resamplings.At(site, count)
      .geometry.push_back([target](const Evaluation& evaluation, ConvolutionGeometry& geometry) {
        if (!target->IsActive(evaluation)) return;
        patchbay_convolution_geometry lent = GeometryOf(geometry);
        target->Call<patchbay_geometry_edit>(evaluation, &lent);
        constexpr int64_t kMost = 64;
        if (lent.stride < 1 || lent.stride > kMost || lent.dilation < 1 || lent.dilation > kMost ||
            lent.padding < 0 || lent.padding > kMost) {
          target->Fail(absl::StatusCode::kInvalidArgument,
                       absl::StrCat("asked for stride ", lent.stride, ", padding ", lent.padding,
                                    ", dilation ", lent.dilation));
        }
        geometry = {lent.stride, lent.padding, lent.dilation};
      });
}

void AddUpsampleTarget(Target target, const HookOwner&, SiteIndex site, size_t count,
                       HookCollection& collection) {
  collection.hooks.denoiser.resamplings.At(site, count)
      .target.push_back([target](const Evaluation& evaluation, TokenGrid input,
                                 UpsampleTarget& wanted) {
        if (!target->IsActive(evaluation)) return;
        patchbay_upsample_target lent = {.struct_size = sizeof(patchbay_upsample_target),
                                         .height = wanted.height,
                                         .width = wanted.width,
                                         .mode = static_cast<patchbay_resize_mode>(wanted.mode)};
        const int64_t size[2] = {input.height, input.width};
        target->Call<patchbay_upsample_edit>(evaluation, size, &lent);
        constexpr int64_t kMost = 1 << 14;
        if (lent.height < 1 || lent.height > kMost || lent.width < 1 || lent.width > kMost ||
            lent.mode < PATCHBAY_RESIZE_NEAREST || lent.mode > PATCHBAY_RESIZE_BICUBIC) {
          target->Fail(absl::StatusCode::kInvalidArgument,
                       absl::StrCat("asked for a feature map of ", lent.height, "x", lent.width,
                                    ", resize mode ", lent.mode));
        }
        wanted = {lent.height, lent.width, static_cast<UpsampleTarget::Mode>(lent.mode)};
      });
}

// ---- Linear layers and convolutions ----

// What the operator at `site` makes of `input`.
std::vector<int64_t> OutputShape(const patchbay_site& site, const OperatorInput& input) {
  std::vector<int64_t> shape = input.x.sizes().vec();
  if (input.geometry == nullptr) {
    shape.back() = site.out_channels;
    return shape;
  }
  shape[1] = site.out_channels;
  const ConvolutionGeometry& geometry = *input.geometry;
  const int64_t reach = geometry.dilation * (site.kernel - 1) + 1;
  for (const size_t side : {2, 3}) {
    shape[side] = (shape[side] + 2 * geometry.padding - reach) / geometry.stride + 1;
  }
  return shape;
}

class PluginOperators final : public OperatorPatch {
 public:
  explicit PluginOperators(OperatorHooks hooks) : hooks_(std::move(hooks)) {}

  at::Tensor Forward(const OperatorInput& input,
                     absl::FunctionRef<at::Tensor(const at::Tensor&)> original) const override {
    // Where no sampler runs, there is no step to tell hooks of.
    if (input.evaluation == nullptr) return original(input.x);
    at::Tensor output;
    for (const Target& target : hooks_.replace) {
      if (output.defined() || !target->IsActive(*input.evaluation)) continue;
      output = target->Checked(Run(*target, input, output), input.x,
                               OutputShape(*target->site(), input));
    }
    if (!output.defined()) output = original(input.x);
    for (const Target& target : hooks_.transform) {
      if (!target->IsActive(*input.evaluation)) continue;
      const at::Tensor edited = target->CheckedLike(Run(*target, input, output), output);
      if (edited.defined()) output = edited;
    }
    for (const Target& target : hooks_.observe) {
      if (!target->IsActive(*input.evaluation)) continue;
      target->CheckNothing(Run(*target, input, output));
    }
    return output;
  }

 private:
  static patchbay_tensor Run(const HookTarget& target, const OperatorInput& input,
                             const at::Tensor& output) {
    patchbay_tensor edited = nullptr;
    const auto call = [&](const patchbay_convolution_geometry* geometry) {
      target.CallAt<patchbay_operator>(*input.evaluation, geometry, Lend(input.x),
                                       LendOptional(output), &edited);
    };
    if (input.geometry == nullptr) {
      call(nullptr);
    } else {
      const patchbay_convolution_geometry lent = GeometryOf(*input.geometry);
      call(&lent);
    }
    return edited;
  }

  OperatorHooks hooks_;
};

template <std::vector<Target> OperatorHooks::*kMember>
void AddOperator(Target target, const HookOwner&, SiteIndex site, size_t count,
                 HookCollection& collection) {
  (collection.operators.At(site, count).*kMember).push_back(std::move(target));
}

}  // namespace

std::vector<HookKind> DenoiserHookKinds() {
  return {
      {PATCHBAY_HOOK_ATTENTION_BEFORE, HookPlace::kAttention, false, &AddTokensBefore},
      {PATCHBAY_HOOK_ATTENTION_AFTER, HookPlace::kAttention, false, &AddTokensAfter},
      {PATCHBAY_HOOK_ATTENTION_REPLACE, HookPlace::kAttention, true,
       &AddAttend<&AttentionHooks::replace>},
      {PATCHBAY_HOOK_ATTENTION_EXTEND, HookPlace::kAttention, false,
       &AddAttend<&AttentionHooks::extend>},
      {PATCHBAY_HOOK_ATTENTION_OBSERVE, HookPlace::kAttention, false,
       &AddAttend<&AttentionHooks::observe, true>},
      {PATCHBAY_HOOK_ENCODER_BEFORE_SKIP, HookPlace::kEncoder, false,
       &AddFeatureEdit<&ModuleHooks::before_skip>},
      {PATCHBAY_HOOK_ENCODER_AFTER_SKIP, HookPlace::kEncoder, false,
       &AddFeatureEdit<&ModuleHooks::after_skip>},
      {PATCHBAY_HOOK_MODULE_BEFORE, HookPlace::kModule, false,
       &AddFeatureEdit<&ModuleHooks::before>},
      {PATCHBAY_HOOK_MODULE_AFTER, HookPlace::kModule, false, &AddFeatureEdit<&ModuleHooks::after>},
      {PATCHBAY_HOOK_DECODER_JOIN, HookPlace::kDecoder, false, &AddJoin},
      {PATCHBAY_HOOK_CONVOLUTION_GEOMETRY, HookPlace::kConvolution, false, &AddGeometry},
      {PATCHBAY_HOOK_UPSAMPLE_TARGET, HookPlace::kUpsample, false, &AddUpsampleTarget},
      {PATCHBAY_HOOK_OPERATOR_REPLACE, HookPlace::kOperator, true,
       &AddOperator<&OperatorHooks::replace>},
      {PATCHBAY_HOOK_OPERATOR_TRANSFORM, HookPlace::kOperator, false,
       &AddOperator<&OperatorHooks::transform>},
      {PATCHBAY_HOOK_OPERATOR_OBSERVE, HookPlace::kOperator, false,
       &AddOperator<&OperatorHooks::observe>},
  };
}

ModelHooks Finish(HookCollection collection, size_t site_count) {
  ModelHooks hooks = std::move(collection.hooks);
  if (collection.operators.empty()) return hooks;
  for (size_t i = 0; i < site_count; ++i) {
    const auto site = static_cast<SiteIndex>(i);
    const OperatorHooks* found = collection.operators.Find(site);
    if (found == nullptr) continue;
    hooks.denoiser.operators.Set(site, site_count, std::make_shared<const PluginOperators>(*found));
  }
  return hooks;
}

}  // namespace patchbay
