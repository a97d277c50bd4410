#include "host/validator/hook_watch.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <exception>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/validator/refusing_model.h"
#include "patchbay/abi/hooks.h"

namespace patchbay {
namespace {

void AddOnce(std::vector<std::string>& list, std::string text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(std::move(text));
}

}  // namespace

// One call of one hook.
class HookWatch::Call {
 public:
  Call(HookWatch& watch, std::string name, const Evaluation& evaluation)
      : watch_(watch), name_(std::move(name)), evaluation_(evaluation) {
    watch_.place_.Set(absl::StrCat("in ", name_, " at step ", evaluation.step.index));
  }

  const at::Tensor& Lend(const at::Tensor& tensor) {
    return lent_.emplace_back(tensor, watch_.options_.lending).tensor();
  }

  // Calls `hook(evaluation)`, and looks at what it did. What it throws is handed on.
  template <class Hook>
  auto Run(const Hook& hook) {
    if (watch_.options_.model_fails) RunRefused(hook);
    const auto start = std::chrono::steady_clock::now();
    const Finisher finisher{*this, start};
    return Guarded([&] { return hook(evaluation_); });
  }

 private:
  struct Finisher {
    Call& call;
    std::chrono::steady_clock::time_point start;
    ~Finisher() { call.Finish(start); }
  };

  template <class Body>
  auto Guarded(const Body& body) -> decltype(body()) {
    try {
      return body();
    } catch (const HookFailure&) {
      throw;
    } catch (const std::exception& error) {
      Threw(error.what());
      throw HookFailure(absl::UnknownError(error.what()));
    } catch (...) {
      Threw("something that is no std::exception");
      throw HookFailure(absl::UnknownError("an exception"));
    }
  }

  void Threw(const char* what) {
    const absl::MutexLock lock(&watch_.mutex_);
    AddOnce(watch_.findings_.threw, absl::StrCat(name_, ": ", what));
  }

  template <class Hook>
  void RunRefused(const Hook& hook) {
    const RefusingModel model(evaluation_);
    bool failed = false;
    try {
      Guarded([&] { hook(model.evaluation()); });
    } catch (const HookFailure&) {
      failed = true;
    }
    const absl::MutexLock lock(&watch_.mutex_);
    watch_.findings_.refused += model.refused();
    if (model.refused() > 0 && !failed) AddOnce(watch_.findings_.swallowed_errors, name_);
  }

  void Finish(std::chrono::steady_clock::time_point start) {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    watch_.place_.Set(absl::StrCat("after ", name_));
    const absl::MutexLock lock(&watch_.mutex_);
    Findings& findings = watch_.findings_;
    ++findings.calls;
    ++findings.calls_by_hook[name_.substr(0, name_.find(' '))];
    if (seconds > findings.longest_seconds) {
      findings.longest_seconds = seconds;
      findings.longest = name_;
    }
    for (const LentTensor& lent : lent_) {
      if (!lent.IsUnchanged()) AddOnce(findings.changed_inputs, name_);
      if (!lent.IsSurroundingUnchanged()) AddOnce(findings.wrote_outside, name_);
    }
  }

  HookWatch& watch_;
  const std::string name_;
  const Evaluation& evaluation_;
  std::deque<LentTensor> lent_;
};

namespace {

// Wraps functions of the form (Evaluation, Tensor) -> Tensor.
template <class Function>
std::vector<Function> WatchEdits(HookWatch& watch, const std::vector<Function>& hooks,
                                 const std::string& name) {
  std::vector<Function> watched;
  for (const Function& hook : hooks) {
    watched.push_back([&watch, hook, name](const Evaluation& evaluation, const at::Tensor& x) {
      HookWatch::Call call(watch, name, evaluation);
      const at::Tensor& lent = call.Lend(x);
      return call.Run([&](const Evaluation& at) { return hook(at, lent); });
    });
  }
  return watched;
}

PredictionSet Lend(HookWatch::Call& call, const PredictionSet& given) {
  PredictionSet lent = given;
  for (at::Tensor* tensor : {&lent.latent, &lent.conditional, &lent.unconditional, &lent.guided}) {
    *tensor = call.Lend(*tensor);
  }
  return lent;
}

void WatchSampling(HookWatch& watch, SamplingHooks& hooks) {
  hooks.first_latent = WatchEdits(watch, hooks.first_latent, PATCHBAY_HOOK_FIRST_LATENT);
  hooks.before_step = WatchEdits(watch, hooks.before_step, PATCHBAY_HOOK_BEFORE_STEP);
  hooks.last_latent = WatchEdits(watch, hooks.last_latent, PATCHBAY_HOOK_LAST_LATENT);
  hooks.picture = WatchEdits(watch, hooks.picture, PATCHBAY_HOOK_PICTURE);
  for (auto& function : hooks.guidance_scale) {
    function = [&watch, hook = function](const Evaluation& evaluation, double scale) {
      return HookWatch::Call(watch, PATCHBAY_HOOK_GUIDANCE_SCALE, evaluation)
          .Run([&](const Evaluation& at) { return hook(at, scale); });
    };
  }
  for (auto& function : hooks.guidance) {
    function = [&watch, hook = function](const Evaluation& evaluation, const PredictionSet& set) {
      HookWatch::Call call(watch, PATCHBAY_HOOK_GUIDANCE, evaluation);
      const PredictionSet lent = Lend(call, set);
      return call.Run([&](const Evaluation& at) { return hook(at, lent); });
    };
  }
  for (auto& function : hooks.after_step) {
    function = [&watch, hook = function](const Evaluation& evaluation, const at::Tensor& latent,
                                         const PredictionSet& last, int32_t& next) {
      HookWatch::Call call(watch, PATCHBAY_HOOK_AFTER_STEP, evaluation);
      const at::Tensor& lent = call.Lend(latent);
      const PredictionSet lent_last = Lend(call, last);
      return call.Run([&](const Evaluation& at) { return hook(at, lent, lent_last, next); });
    };
  }
  for (auto& function : hooks.denoise) {
    function = [&watch, hook = function](const Evaluation& evaluation, const at::Tensor& latent,
                                         const SamplingHooks::InnerDenoise& inner) {
      HookWatch::Call call(watch, PATCHBAY_HOOK_DENOISE, evaluation);
      const at::Tensor& lent = call.Lend(latent);
      return call.Run([&](const Evaluation& at) { return hook(at, lent, inner); });
    };
  }
  for (auto& function : hooks.conditioning) {
    function = [&watch, hook = function](const Evaluation& evaluation, patchbay_row_role role,
                                         const at::Tensor& hidden_states) {
      HookWatch::Call call(watch, PATCHBAY_HOOK_CONDITIONING, evaluation);
      const at::Tensor& lent = call.Lend(hidden_states);
      return call.Run([&](const Evaluation& at) { return hook(at, role, lent); });
    };
  }
}

std::vector<AttentionHooks::TokenEdit> WatchTokens(
    HookWatch& watch, const std::vector<AttentionHooks::TokenEdit>& hooks,
    const std::string& name) {
  std::vector<AttentionHooks::TokenEdit> watched;
  for (const auto& hook : hooks) {
    watched.push_back([&watch, hook, name](const Evaluation& evaluation, const TokenGrid& grid,
                                           const at::Tensor& tokens) {
      HookWatch::Call call(watch, name, evaluation);
      const at::Tensor& lent = call.Lend(tokens);
      return call.Run([&](const Evaluation& at) { return hook(at, grid, lent); });
    });
  }
  return watched;
}

std::vector<AttentionHooks::Attend> WatchAttend(HookWatch& watch,
                                                const std::vector<AttentionHooks::Attend>& hooks,
                                                const std::string& name) {
  std::vector<AttentionHooks::Attend> watched;
  for (const auto& hook : hooks) {
    watched.push_back(
        [&watch, hook, name](const Evaluation& evaluation, const AttentionState& state) {
          HookWatch::Call call(watch, name, evaluation);
          const AttentionState lent = {state.grid,
                                       state.heads,
                                       call.Lend(state.query),
                                       call.Lend(state.key),
                                       call.Lend(state.value),
                                       call.Lend(state.tokens),
                                       call.Lend(state.attended)};
          return call.Run([&](const Evaluation& at) { return hook(at, lent); });
        });
  }
  return watched;
}

AttentionHooks WatchAttention(HookWatch& watch, const AttentionHooks& hooks,
                              const std::string& site) {
  const auto named = [&site](const char* id) { return absl::StrCat(id, " at ", site); };
  AttentionHooks watched;
  watched.before = WatchTokens(watch, hooks.before, named(PATCHBAY_HOOK_ATTENTION_BEFORE));
  watched.after = WatchTokens(watch, hooks.after, named(PATCHBAY_HOOK_ATTENTION_AFTER));
  watched.replace = WatchAttend(watch, hooks.replace, named(PATCHBAY_HOOK_ATTENTION_REPLACE));
  watched.extend = WatchAttend(watch, hooks.extend, named(PATCHBAY_HOOK_ATTENTION_EXTEND));
  watched.observe = WatchAttend(watch, hooks.observe, named(PATCHBAY_HOOK_ATTENTION_OBSERVE));
  return watched;
}

ModuleHooks WatchModule(HookWatch& watch, const ModuleHooks& hooks, const std::string& site) {
  const auto named = [&site](const char* id) { return absl::StrCat(id, " at ", site); };
  ModuleHooks watched;
  watched.before = WatchEdits(watch, hooks.before, named(PATCHBAY_HOOK_MODULE_BEFORE));
  watched.after = WatchEdits(watch, hooks.after, named(PATCHBAY_HOOK_MODULE_AFTER));
  watched.before_skip =
      WatchEdits(watch, hooks.before_skip, named(PATCHBAY_HOOK_ENCODER_BEFORE_SKIP));
  watched.after_skip = WatchEdits(watch, hooks.after_skip, named(PATCHBAY_HOOK_ENCODER_AFTER_SKIP));
  for (const auto& hook : hooks.join) {
    watched.join.push_back([&watch, hook, name = named(PATCHBAY_HOOK_DECODER_JOIN)](
                               const Evaluation& evaluation, at::Tensor& below, at::Tensor& skip) {
      HookWatch::Call call(watch, name, evaluation);
      const at::Tensor below_before = call.Lend(below);
      const at::Tensor skip_before = call.Lend(skip);
      call.Run([&](const Evaluation& at) {
        below = below_before;
        skip = skip_before;
        hook(at, below, skip);
      });
    });
  }
  return watched;
}

ResamplingHooks WatchResampling(HookWatch& watch, const ResamplingHooks& hooks,
                                const std::string& site) {
  ResamplingHooks watched;
  for (const auto& hook : hooks.geometry) {
    watched.geometry.push_back(
        [&watch, hook, name = absl::StrCat(PATCHBAY_HOOK_CONVOLUTION_GEOMETRY, " at ", site)](
            const Evaluation& evaluation, ConvolutionGeometry& geometry) {
          HookWatch::Call(watch, name, evaluation).Run([&](const Evaluation& at) {
            hook(at, geometry);
          });
        });
  }
  for (const auto& hook : hooks.target) {
    watched.target.push_back(
        [&watch, hook, name = absl::StrCat(PATCHBAY_HOOK_UPSAMPLE_TARGET, " at ", site)](
            const Evaluation& evaluation, TokenGrid input, UpsampleTarget& target) {
          HookWatch::Call(watch, name, evaluation).Run([&](const Evaluation& at) {
            hook(at, input, target);
          });
        });
  }
  return watched;
}

// A plugin's hooks on one linear layer or convolution.
class WatchedOperator final : public OperatorPatch {
 public:
  WatchedOperator(HookWatch& watch, std::shared_ptr<const ModelHooks> hooks, SiteIndex site,
                  std::string name)
      : watch_(watch), hooks_(std::move(hooks)), site_(site), name_(std::move(name)) {}

  at::Tensor Forward(const OperatorInput& input,
                     absl::FunctionRef<at::Tensor(const at::Tensor&)> original) const override {
    const OperatorPatch& patch = *hooks_->denoiser.operators.Find(site_);
    if (input.evaluation == nullptr) return patch.Forward(input, original);
    HookWatch::Call call(watch_, name_, *input.evaluation);
    const at::Tensor& lent = call.Lend(input.x);
    return call.Run([&](const Evaluation& at) {
      return patch.Forward({lent, input.geometry, &at}, original);
    });
  }

 private:
  HookWatch& watch_;
  std::shared_ptr<const ModelHooks> hooks_;
  SiteIndex site_;
  std::string name_;
};

DenoiserHooks WatchDenoiser(HookWatch& watch, const ModelHooks& hooks,
                            const std::vector<std::string>& sites) {
  // Keeps the operators that the wrappers call.
  const auto kept = std::make_shared<const ModelHooks>(hooks);
  const DenoiserHooks& given = kept->denoiser;
  DenoiserHooks watched;
  for (size_t i = 0; i < sites.size(); ++i) {
    const auto site = static_cast<SiteIndex>(i);
    if (const auto* found = given.attentions.Find(site)) {
      watched.attentions.At(site, sites.size()) = WatchAttention(watch, *found, sites[i]);
    }
    if (const auto* found = given.modules.Find(site)) {
      watched.modules.At(site, sites.size()) = WatchModule(watch, *found, sites[i]);
    }
    if (const auto* found = given.resamplings.Find(site)) {
      watched.resamplings.At(site, sites.size()) = WatchResampling(watch, *found, sites[i]);
    }
    if (given.operators.Find(site) != nullptr) {
      watched.operators.Set(
          site, sites.size(),
          std::make_shared<const WatchedOperator>(
              watch, kept, site, absl::StrCat("patchbay.hook.operator at ", sites[i])));
    }
  }
  return watched;
}

}  // namespace

ModelHooks HookWatch::Around(const ModelHooks& hooks, std::vector<std::string> sites) {
  ModelHooks watched = hooks;
  WatchSampling(*this, watched.sampling);
  watched.denoiser = WatchDenoiser(*this, hooks, sites);
  for (SamplingHooks::PassState& state : watched.sampling.pass_states) {
    state.begin = [this, begin = state.begin](const Evaluation& evaluation) {
      // Its state cannot be made twice: the second would have no end.
      void* made = begin(evaluation);
      const absl::MutexLock lock(&mutex_);
      ++findings_.passes_begun;
      return made;
    };
    state.end = [this, end = state.end](void* made) {
      place_.Set("in " PATCHBAY_HOOK_END_PASS);
      end(made);
      const absl::MutexLock lock(&mutex_);
      ++findings_.passes_ended;
    };
  }
  return watched;
}

HookWatch::Findings HookWatch::findings() const {
  const absl::MutexLock lock(&mutex_);
  return findings_;
}

}  // namespace patchbay
