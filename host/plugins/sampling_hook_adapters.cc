#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
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

SamplingHooks::LatentEdit AdaptLatentEdit(Target target) {
  return [target](const Evaluation& evaluation, const at::Tensor& latent) {
    patchbay_tensor edited = nullptr;
    target->Call<patchbay_latent_edit>(evaluation, Lend(latent), &edited);
    return target->CheckedLike(edited, latent);
  };
}

void AddPictureEdit(Target target, const HookOwner&, SiteIndex, size_t,
                    HookCollection& collection) {
  collection.hooks.sampling.picture.push_back(
      [target](const Evaluation& evaluation, const at::Tensor& picture) {
        patchbay_tensor edited = nullptr;
        target->Call<patchbay_latent_edit>(evaluation, Lend(picture), &edited);
        at::Tensor checked = target->Checked(edited, picture, {picture.size(0), 3, -1, -1});
        if (checked.defined() && checked.numel() == 0) {
          target->Fail(absl::StatusCode::kDataLoss, "gave a picture without pixels");
        }
        return checked;
      });
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

// While it is there the host's own code runs within a plugin's hook: neither a crash nor the time
// is the plugin's.
class HostSection {
 public:
  // Adds the time to `spent` in the end.
  HostSection(Breadcrumbs* breadcrumbs, const Evaluation& evaluation,
              std::chrono::nanoseconds& spent)
      : breadcrumbs_(breadcrumbs), spent_(spent), started_(std::chrono::steady_clock::now()) {
    if (breadcrumbs_ != nullptr) breadcrumbs_->Enter({"", "", "", evaluation.step.index});
  }
  ~HostSection() {
    spent_ += std::chrono::steady_clock::now() - started_;
    if (breadcrumbs_ != nullptr) breadcrumbs_->Leave();
  }
  HostSection(const HostSection&) = delete;
  HostSection& operator=(const HostSection&) = delete;

 private:
  Breadcrumbs* const breadcrumbs_;
  std::chrono::nanoseconds& spent_;
  const std::chrono::steady_clock::time_point started_;
};

// The wrapped evaluation as the plugin may call it.
struct InnerCall {
  const SamplingHooks::InnerDenoise& inner;
  const Evaluation& evaluation;
  Breadcrumbs* breadcrumbs;
  int64_t pictures;  // that the hook was given
  std::exception_ptr failure;
  std::chrono::nanoseconds host_time{};

  // What the plugin asked for cannot be; its hook reports the error as its own.
  static patchbay_status Refuse(const absl::Status& status, patchbay_error* error) {
    if (error != nullptr) {
      std::snprintf(error->text, sizeof(error->text), "%s", std::string(status.message()).c_str());
    }
    return static_cast<patchbay_status>(status.code());
  }

  static patchbay_status Run(void* host, patchbay_tensor latent, patchbay_denoised* denoised,
                             patchbay_error* error) noexcept {
    auto* const self = static_cast<InnerCall*>(host);
    const int64_t given = Borrowed(latent).dim() == 0 ? 0 : Borrowed(latent).size(0);
    if (given == self->pictures) return RunPictures(host, latent, 0, denoised, error);
    return self->Refuse(absl::OutOfRangeError(absl::StrCat(
                            "a latent of ", given, " pictures was asked about where there are ",
                            self->pictures, "; call_pictures() is for some of them")),
                        error);
  }

  static patchbay_status RunPictures(void* host, patchbay_tensor latent, int64_t first,
                                     patchbay_denoised* denoised, patchbay_error* error) noexcept {
    auto* const self = static_cast<InnerCall*>(host);
    const HostSection section(self->breadcrumbs, self->evaluation, self->host_time);
    const at::Tensor& lent = Borrowed(latent);
    const int64_t count = lent.dim() == 0 ? 0 : lent.size(0);
    if (first < 0 || count < 1 || first > self->pictures - count) {
      return self->Refuse(
          absl::OutOfRangeError(absl::StrCat(count, " pictures from number ", first,
                                             " on were asked about of ", self->pictures)),
          error);
    }
    try {
      const DenoisedPair pair = self->inner(lent, first);
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
    InnerCall call{inner, evaluation, target->breadcrumbs(), latent.size(0), nullptr, {}};
    const patchbay_inner_denoise lent = {.struct_size = sizeof(patchbay_inner_denoise),
                                         .call = &InnerCall::Run,
                                         .host = &call,
                                         .call_pictures = &InnerCall::RunPictures};
    patchbay_denoised denoised = {
        .struct_size = sizeof(patchbay_denoised), .conditional = nullptr, .unconditional = nullptr};
    try {
      target->CallBesideHost<patchbay_denoise>(evaluation, call.host_time, Lend(latent), &lent,
                                               &denoised);
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

}  // namespace

std::vector<HookKind> SamplingHookKinds() {
  return {
      {PATCHBAY_HOOK_BEGIN_PASS, HookPlace::kPass, true, &AddBeginPass},
      {PATCHBAY_HOOK_END_PASS, HookPlace::kPass, true, &AddEndPass},
      {PATCHBAY_HOOK_FIRST_LATENT, HookPlace::kPass, false,
       &AddLatentEdit<&SamplingHooks::first_latent>},
      {PATCHBAY_HOOK_BEFORE_STEP, HookPlace::kPass, false,
       &AddLatentEdit<&SamplingHooks::before_step>},
      {PATCHBAY_HOOK_LAST_LATENT, HookPlace::kPass, false,
       &AddLatentEdit<&SamplingHooks::last_latent>},
      {PATCHBAY_HOOK_PICTURE, HookPlace::kPass, false, &AddPictureEdit},
      {PATCHBAY_HOOK_GUIDANCE_SCALE, HookPlace::kPass, false, &AddGuidanceScale},
      {PATCHBAY_HOOK_GUIDANCE, HookPlace::kPass, false, &AddGuidance},
      {PATCHBAY_HOOK_AFTER_STEP, HookPlace::kPass, false, &AddAfterStep},
      {PATCHBAY_HOOK_DENOISE, HookPlace::kPass, false, &AddDenoise},
      {PATCHBAY_HOOK_CONDITIONING, HookPlace::kPass, false, &AddConditioning},
  };
}

}  // namespace patchbay
