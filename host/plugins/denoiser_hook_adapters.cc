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

AttentionHooks::Attend AdaptAttend(Target target) {
  return [target](const Evaluation& evaluation, const AttentionState& state) -> at::Tensor {
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
    return target->CheckedLike(result, state.query);
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

template <std::vector<AttentionHooks::Attend> AttentionHooks::*kMember>
void AddAttend(Target target, const HookOwner&, SiteIndex site, size_t count,
               HookCollection& collection) {
  (collection.hooks.denoiser.attentions.At(site, count).*kMember)
      .push_back(AdaptAttend(std::move(target)));
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

void AddGeometry(Target target, const HookOwner&, SiteIndex site, size_t count,
                 HookCollection& collection) {
  collection.hooks.denoiser.resamplings.At(site, count)
      .geometry.push_back([target](const Evaluation& evaluation, ConvolutionGeometry& geometry) {
        if (!target->IsActive(evaluation)) return;
        patchbay_convolution_geometry lent = {.struct_size = sizeof(patchbay_convolution_geometry),
                                              .stride = geometry.stride,
                                              .padding = geometry.padding,
                                              .dilation = geometry.dilation};
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

class PluginOperators final : public OperatorPatch {
 public:
  explicit PluginOperators(OperatorHooks hooks) : hooks_(std::move(hooks)) {}

  at::Tensor Forward(const OperatorInput& input,
                     absl::FunctionRef<at::Tensor(const at::Tensor&)> original) const override {
    // A text is encoded once for all steps, outside of any evaluation.
    if (input.evaluation == nullptr) return original(input.x);
    const Evaluation& evaluation = *input.evaluation;
    at::Tensor output;
    for (const Target& target : hooks_.replace) {
      if (!target->IsActive(evaluation) || output.defined()) continue;
      output = Run(*target, evaluation, input.x, output);
    }
    if (!output.defined()) output = original(input.x);
    for (const Target& target : hooks_.transform) {
      if (!target->IsActive(evaluation)) continue;
      const at::Tensor edited =
          target->CheckedLike(NewHandleOrNull(Run(*target, evaluation, input.x, output)), output);
      if (edited.defined()) output = edited;
    }
    for (const Target& target : hooks_.observe) {
      if (target->IsActive(evaluation)) Run(*target, evaluation, input.x, output);
    }
    return output;
  }

 private:
  static patchbay_tensor NewHandleOrNull(const at::Tensor& tensor) {
    return tensor.defined() ? NewHandle(tensor) : nullptr;
  }

  static at::Tensor Run(const HookTarget& target, const Evaluation& evaluation,
                        const at::Tensor& input, const at::Tensor& output) {
    patchbay_tensor edited = nullptr;
    target.Call<patchbay_operator>(evaluation, Lend(input), LendOptional(output), &edited);
    return Adopted(edited);
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
       &AddAttend<&AttentionHooks::observe>},
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
