#include "host/plugins/hook_adapters.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "patchbay/abi/hooks.h"

namespace patchbay {
namespace {

using Target = std::shared_ptr<const HookTarget>;

// ---- One pass and one step ----

SamplingHooks::LatentEdit AdaptLatentEdit(Target target) {
  return [target](const Evaluation& evaluation, const at::Tensor& latent) {
    patchbay_tensor edited = nullptr;
    target->Call<patchbay_latent_edit>(evaluation, Lend(latent), &edited);
    return target->CheckedLike(edited, latent);
  };
}

template <std::vector<SamplingHooks::LatentEdit> SamplingHooks::*kMember>
void AddLatentEdit(Target target, const HookOwner&, SiteIndex, size_t, HookCollection& collection) {
  (collection.hooks.sampling.*kMember).push_back(AdaptLatentEdit(std::move(target)));
}

SamplingHooks::PassState& PassStateOf(size_t plugin, HookCollection& collection) {
  auto& states = collection.hooks.sampling.pass_states;
  for (SamplingHooks::PassState& state : states) {
    if (state.plugin == plugin) return state;
  }
  states.push_back({plugin, [](const Evaluation&) -> void* { return nullptr; }, [](void*) {}});
  return states.back();
}

void AddBeginPass(Target target, const HookOwner& owner, SiteIndex, size_t,
                  HookCollection& collection) {
  PassStateOf(owner.place, collection).begin = [target](const Evaluation& evaluation) {
    void* state = nullptr;
    target->Call<patchbay_begin_pass>(evaluation, &state);
    return state;
  };
}

void AddEndPass(Target target, const HookOwner& owner, SiteIndex, size_t,
                HookCollection& collection) {
  PassStateOf(owner.place, collection).end = [target](void* state) {
    reinterpret_cast<patchbay_end_pass>(target->function())(target->data(), state);
  };
}

void AddGuidanceScale(Target target, const HookOwner&, SiteIndex, size_t,
                      HookCollection& collection) {
  collection.hooks.sampling.guidance_scale.push_back(
      [target](const Evaluation& evaluation, double scale) {
        target->Call<patchbay_guidance_scale>(evaluation, &scale);
        if (!std::isfinite(scale)) {
          target->Fail(absl::StatusCode::kDataLoss, "gave a guidance scale that is not finite");
        }
        return scale;
      });
}

patchbay_prediction_set LendPredictions(const PredictionSet& predictions) {
  return {.struct_size = sizeof(patchbay_prediction_set),
          .latent = Lend(predictions.latent),
          .sigma = predictions.sigma,
          .conditional = Lend(predictions.conditional),
          .unconditional = LendOptional(predictions.unconditional),
          .guided = Lend(predictions.guided),
          .guidance_scale = predictions.guidance_scale};
}

void AddGuidance(Target target, const HookOwner&, SiteIndex, size_t, HookCollection& collection) {
  collection.hooks.sampling.guidance.push_back(
      [target](const Evaluation& evaluation, const PredictionSet& predictions) {
        const patchbay_prediction_set lent = LendPredictions(predictions);
        patchbay_tensor guided = nullptr;
        target->Call<patchbay_guidance>(evaluation, &lent, &guided);
        return target->CheckedLike(guided, predictions.guided);
      });
}

void AddAfterStep(Target target, const HookOwner&, SiteIndex, size_t, HookCollection& collection) {
  collection.hooks.sampling.after_step.push_back(
      [target](const Evaluation& evaluation, const at::Tensor& latent, const PredictionSet& last,
               int32_t& next) {
        const patchbay_prediction_set lent = LendPredictions(last);
        patchbay_tensor edited = nullptr;
        patchbay_next_step step = {.struct_size = sizeof(patchbay_next_step), .index = next};
        target->Call<patchbay_after_step>(evaluation, Lend(latent), &lent, &edited, &step);
        at::Tensor checked = target->CheckedLike(edited, latent);
        if (step.index < 0 || step.index > evaluation.step.step_count) {
          target->Fail(absl::StatusCode::kOutOfRange,
                       absl::StrCat("asked for step ", step.index, " of a pass of ",
                                    evaluation.step.step_count, " steps"));
        }
        next = step.index;
        return checked;
      });
}

// While it is there the host's own code runs within a plugin's hook: a crash is not the plugin's.
class HostSection {
 public:
  HostSection(Breadcrumbs* breadcrumbs, const Evaluation& evaluation) : breadcrumbs_(breadcrumbs) {
    if (breadcrumbs_ != nullptr) breadcrumbs_->Enter({"", "", "", evaluation.step.index});
  }
  ~HostSection() {
    if (breadcrumbs_ != nullptr) breadcrumbs_->Leave();
  }
  HostSection(const HostSection&) = delete;
  HostSection& operator=(const HostSection&) = delete;

 private:
  Breadcrumbs* const breadcrumbs_;
};

// The wrapped evaluation as the plugin may call it.
struct InnerCall {
  const SamplingHooks::InnerDenoise& inner;
  const Evaluation& evaluation;
  Breadcrumbs* breadcrumbs;
  std::exception_ptr failure;

  static patchbay_status Run(void* host, patchbay_tensor latent, patchbay_denoised* denoised,
                             patchbay_error* error) noexcept {
    auto* const self = static_cast<InnerCall*>(host);
    const HostSection section(self->breadcrumbs, self->evaluation);
    try {
      const DenoisedPair pair = self->inner(Borrowed(latent));
      denoised->conditional = NewHandle(pair.conditional);
      denoised->unconditional =
          pair.unconditional.defined() ? NewHandle(pair.unconditional) : nullptr;
      return PATCHBAY_OK;
    } catch (const std::exception& failure) {
      // The plugin returns an error; this one says more.
      self->failure = std::current_exception();
      if (error != nullptr) std::snprintf(error->text, sizeof(error->text), "%s", failure.what());
      return PATCHBAY_INTERNAL;
    }
  }
};

void AddDenoise(Target target, const HookOwner&, SiteIndex, size_t, HookCollection& collection) {
  collection.hooks.sampling.denoise.push_back([target](const Evaluation& evaluation,
                                                       const at::Tensor& latent,
                                                       const SamplingHooks::InnerDenoise& inner) {
    InnerCall call{inner, evaluation, target->breadcrumbs(), nullptr};
    const patchbay_inner_denoise lent = {
        .struct_size = sizeof(patchbay_inner_denoise), .call = &InnerCall::Run, .host = &call};
    patchbay_denoised denoised = {
        .struct_size = sizeof(patchbay_denoised), .conditional = nullptr, .unconditional = nullptr};
    try {
      target->Call<patchbay_denoise>(evaluation, Lend(latent), &lent, &denoised);
    } catch (const HookFailure&) {
      if (call.failure) std::rethrow_exception(call.failure);
      throw;
    }
    DenoisedPair pair{target->CheckedLike(denoised.conditional, latent),
                      target->CheckedLike(denoised.unconditional, latent)};
    if (!pair.conditional.defined()) {
      target->Fail(absl::StatusCode::kInvalidArgument, "gave no conditional prediction");
    }
    return pair;
  });
}

void AddConditioning(Target target, const HookOwner&, SiteIndex, size_t,
                     HookCollection& collection) {
  collection.hooks.sampling.conditioning.push_back([target](const Evaluation& evaluation,
                                                            patchbay_row_role role,
                                                            const at::Tensor& hidden_states) {
    patchbay_tensor edited = nullptr;
    target->Call<patchbay_conditioning_edit>(evaluation, role, Lend(hidden_states), &edited);
    return target->Checked(edited, hidden_states,
                           {hidden_states.size(0), -1, hidden_states.size(2)});
  });
}

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

const std::vector<HookKind>& OfferedHooks() {
  static const auto& kinds = *new std::vector<HookKind>{
      {PATCHBAY_HOOK_BEGIN_PASS, HookPlace::kPass, true, &AddBeginPass},
      {PATCHBAY_HOOK_END_PASS, HookPlace::kPass, true, &AddEndPass},
      {PATCHBAY_HOOK_FIRST_LATENT, HookPlace::kPass, false,
       &AddLatentEdit<&SamplingHooks::first_latent>},
      {PATCHBAY_HOOK_BEFORE_STEP, HookPlace::kPass, false,
       &AddLatentEdit<&SamplingHooks::before_step>},
      {PATCHBAY_HOOK_LAST_LATENT, HookPlace::kPass, false,
       &AddLatentEdit<&SamplingHooks::last_latent>},
      {PATCHBAY_HOOK_PICTURE, HookPlace::kPass, false, &AddLatentEdit<&SamplingHooks::picture>},
      {PATCHBAY_HOOK_GUIDANCE_SCALE, HookPlace::kPass, false, &AddGuidanceScale},
      {PATCHBAY_HOOK_GUIDANCE, HookPlace::kPass, false, &AddGuidance},
      {PATCHBAY_HOOK_AFTER_STEP, HookPlace::kPass, false, &AddAfterStep},
      {PATCHBAY_HOOK_DENOISE, HookPlace::kPass, false, &AddDenoise},
      {PATCHBAY_HOOK_CONDITIONING, HookPlace::kPass, false, &AddConditioning},
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
  return kinds;
}

const HookKind* FindHookKind(std::string_view id) {
  const auto& kinds = OfferedHooks();
  const auto found = std::find_if(kinds.begin(), kinds.end(),
                                  [id](const HookKind& kind) { return kind.id == id; });
  return found == kinds.end() ? nullptr : &*found;
}

absl::Status CheckPlace(const HookKind& kind, const patchbay_site& site) {
  const patchbay_site_kind given = site.kind;
  const auto is_one_of = [given](std::initializer_list<patchbay_site_kind> kinds) {
    return std::find(kinds.begin(), kinds.end(), given) != kinds.end();
  };
  bool fits = false;
  std::string_view wanted;
  switch (kind.place) {
    case HookPlace::kPass:
      fits = true;
      break;
    case HookPlace::kAttention:
      fits = given == PATCHBAY_SITE_ATTENTION;
      wanted = "attentions";
      // Keys and values of cross-attention are there before its tokens are.
      if (fits && kind.id == PATCHBAY_HOOK_ATTENTION_BEFORE) {
        fits = (site.flags & PATCHBAY_SITE_SELF_ATTENTION) != 0;
        wanted = "self-attentions";
      }
      break;
    case HookPlace::kModule:
      fits = is_one_of({PATCHBAY_SITE_RESNET, PATCHBAY_SITE_TRANSFORMER, PATCHBAY_SITE_BLOCK,
                        PATCHBAY_SITE_ENCODER_STAGE, PATCHBAY_SITE_DECODER_STAGE});
      wanted = "resnets, transformers, blocks and stages";
      break;
    case HookPlace::kEncoder:
      fits = given == PATCHBAY_SITE_ENCODER_STAGE;
      wanted = "encoder stages";
      break;
    case HookPlace::kDecoder:
      fits = given == PATCHBAY_SITE_DECODER_STAGE;
      wanted = "decoder stages";
      break;
    case HookPlace::kConvolution:
      fits = given == PATCHBAY_SITE_DOWNSAMPLE;
      wanted = "downsamplers";
      break;
    case HookPlace::kUpsample:
      fits = given == PATCHBAY_SITE_UPSAMPLE;
      wanted = "upsamplers";
      break;
    case HookPlace::kOperator:
      fits = is_one_of({PATCHBAY_SITE_LINEAR, PATCHBAY_SITE_CONVOLUTION});
      wanted = "linear layers and convolutions";
      break;
  }
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(std::string(kind.id), " hangs on ",
                                                 std::string(wanted), ", and ", site.name,
                                                 " is none of them"));
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
