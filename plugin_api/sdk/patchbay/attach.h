#ifndef PATCHBAY_SDK_ATTACH_H_
#define PATCHBAY_SDK_ATTACH_H_

#include <memory>
#include <string>
#include <utility>

#include "patchbay/sites.h"

namespace patchbay {

// Where a plugin hangs its functions, once for each chain and model, before any job runs with them.
// What cannot be found or claimed throws here. Functions are copied; they are called on the threads
// that draw, for several jobs at a time.
class Attach {
 public:
  explicit Attach(patchbay_attach* attach) : attach_(attach) {}

  const patchbay_model_info& model() const { return *attach_->model; }
  // The id of the action that this is for; empty for jobs.
  std::string action() const { return attach_->action == nullptr ? "" : attach_->action; }
  Denoiser denoiser() const { return Denoiser(attach_); }

  // ---- What a pass begins and ends with ----

  // Pass f(const Step&): makes what Step::state<Pass>() returns. It ends with the pass.
  template <class Function>
  void begin_pass(Function f) {
    add<sdk::BeginPass>(PATCHBAY_HOOK_BEGIN_PASS, std::move(f));
    add<sdk::EndPass>(PATCHBAY_HOOK_END_PASS, 0);
  }
  // A default-made Pass.
  template <class Pass>
  void pass_state() {
    begin_pass([](const Step&) { return Pass(); });
  }

  // void f(const Step&, Tensor& latent [B, C, h, w])
  template <class Function>
  void first_latent(Function f) {
    add<sdk::LatentEdit>(PATCHBAY_HOOK_FIRST_LATENT, std::move(f));
  }
  template <class Function>
  void before_step(Function f) {
    add<sdk::LatentEdit>(PATCHBAY_HOOK_BEFORE_STEP, std::move(f));
  }
  template <class Function>
  void last_latent(Function f) {
    add<sdk::LatentEdit>(PATCHBAY_HOOK_LAST_LATENT, std::move(f));
  }
  // void f(const Step&, Tensor& picture [B, 3, H, W]) in -1..1; may leave another H and W
  template <class Function>
  void picture(Function f) {
    add<sdk::LatentEdit>(PATCHBAY_HOOK_PICTURE, std::move(f));
  }

  // ---- One step ----

  // The negative prompt is evaluated also where its weight is nil.
  void require_unconditional() {
    sdk::HostCall call;
    call.check(attach_->functions->require(attach_, PATCHBAY_REQUIRE_UNCONDITIONAL, call.error()));
  }
  // The group norms of resnets and of the network's output take their statistics over all pictures,
  // which are the frames of one clip. Draft.
  void require_norms_over_pictures() {
    sdk::HostCall call;
    call.check(
        attach_->functions->require(attach_, PATCHBAY_REQUIRE_NORMS_OVER_PICTURES, call.error()));
  }
  // double f(const Step&, double scale)
  template <class Function>
  void guidance_scale(Function f) {
    add<sdk::GuidanceScale>(PATCHBAY_HOOK_GUIDANCE_SCALE, std::move(f));
  }
  // Tensor f(const Step&, const Guidance&): what replaces `guided`; undefined: nothing does.
  template <class Function>
  void guidance(Function f) {
    add<sdk::GuidanceEdit>(PATCHBAY_HOOK_GUIDANCE, std::move(f));
  }
  // void or Next f(const Step&, Tensor& latent, const Prediction& last)
  template <class Function>
  void after_step(Function f) {
    add<sdk::AfterStep>(PATCHBAY_HOOK_AFTER_STEP, std::move(f));
  }
  // Denoised f(const Step&, Tensor latent, const InnerDenoise& inner)
  template <class Function>
  void denoise(Function f) {
    add<sdk::DenoiseWrap>(PATCHBAY_HOOK_DENOISE, std::move(f));
  }
  // Tensor f(const Step&, patchbay_row_role, Tensor hidden_states [B, T, text features])
  template <class Function>
  void conditioning(Function f) {
    add<sdk::ConditioningEdit>(PATCHBAY_HOOK_CONDITIONING, std::move(f));
  }

  // ---- Other ----

  Overlay overlay() { return Overlay(attach_->functions->add_overlay(attach_)); }

  // What is expensive and depends on the model and on `key` only: made by `make` once and shared by
  // this plugin's chains. `make` returns std::unique_ptr<T>.
  template <class Make>
  auto& shared(const std::string& key, Make make) {
    using T = typename std::invoke_result_t<Make>::element_type;
    void* object = nullptr;
    sdk::HostCall call;
    call.check(attach_->functions->shared(
        attach_, key.c_str(),
        [](void* data, void** made, patchbay_error* error) {
          return sdk::guard(error, [&] { *made = (*static_cast<Make*>(data))().release(); });
        },
        &make, [](void* dead) { delete static_cast<T*>(dead); }, &object, call.error()));
    return *static_cast<T*>(object);
  }

 private:
  template <template <class> class Trampoline, class Function>
  void add(const char* id, Function function) {
    sdk::add_hook<Trampoline>(attach_, id, 0, 0, std::move(function));
  }

  patchbay_attach* attach_;
};

}  // namespace patchbay

#endif  // PATCHBAY_SDK_ATTACH_H_
