#ifndef PATCHBAY_HOST_PLUGINS_HOOK_TARGET_H_
#define PATCHBAY_HOST_PLUGINS_HOOK_TARGET_H_

#include <ATen/ATen.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "host/plugins/hook_monitor.h"
#include "host/runtime/hooks/evaluation.h"
#include "host/runtime/hooks/tensor_handle.h"
#include "patchbay/abi/attach.h"

namespace patchbay {

// Who a hook belongs to.
struct HookOwner {
  std::string plugin;  // its id
  std::string build;   // the sha256 of its library
  size_t place = 0;    // in the chain
  HookMonitor* monitor = nullptr;
};

// One function that a plugin has registered, and how it is called: every call is watched, its
// status turned into a HookFailure that names the plugin, and what it gives back is checked.
// Immutable; any thread may call.
class HookTarget {
 public:
  // Takes hook.data over. site: null for hooks that hang on none.
  HookTarget(std::shared_ptr<const HookOwner> owner, const patchbay_hook& hook,
             const patchbay_site* site);
  ~HookTarget();
  HookTarget(const HookTarget&) = delete;
  HookTarget& operator=(const HookTarget&) = delete;

  // Whether the hook is active in this evaluation.
  bool IsActive(const Evaluation& evaluation) const {
    return overlay_ == 0 || overlay_ == evaluation.step.overlay;
  }

  // Calls the function as one of type Function (abi/hooks.h) with `arguments` after its data and
  // the call's description.
  template <typename Function, typename... Arguments>
  void Call(const Evaluation& evaluation, Arguments... arguments) const {
    CallAt<Function>(evaluation, nullptr, arguments...);
  }
  // The same for a convolution, which moves by `geometry`.
  template <typename Function, typename... Arguments>
  void CallAt(const Evaluation& evaluation, const patchbay_convolution_geometry* geometry,
              Arguments... arguments) const {
    Frame frame(*this, evaluation, geometry);
    const auto function = reinterpret_cast<Function>(function_);
    frame.Finish(function(data_, &frame.call(), arguments...), {});
  }
  // The same for a function that has the host work meanwhile: what `host_time` says when it returns
  // is not counted as the plugin's.
  template <typename Function, typename... Arguments>
  void CallBesideHost(const Evaluation& evaluation, const std::chrono::nanoseconds& host_time,
                      Arguments... arguments) const {
    Frame frame(*this, evaluation, nullptr);
    const auto function = reinterpret_cast<Function>(function_);
    const patchbay_status status = function(data_, &frame.call(), arguments...);
    frame.Finish(status, host_time);
  }

  // What a function left in an out parameter: undefined for null. Throws HookFailure unless it has
  // the type and device of `like`, is finite, and has `shape`, where a negative number accepts any.
  at::Tensor Checked(patchbay_tensor result, const at::Tensor& like, at::IntArrayRef shape) const;
  at::Tensor CheckedLike(patchbay_tensor result, const at::Tensor& like) const {
    return Checked(result, like, like.sizes());
  }

  // For functions that only look on: throws HookFailure if it left a tensor.
  void CheckNothing(patchbay_tensor result) const;

  // Null where none are kept.
  Breadcrumbs* breadcrumbs() const {
    return owner_->monitor == nullptr ? nullptr : owner_->monitor->breadcrumbs();
  }
  // Null for hooks that hang on none.
  const patchbay_site* site() const { return site_; }
  void* data() const { return data_; }
  patchbay_function function() const { return function_; }
  // `text` after who failed and where. It counts against the plugin.
  [[noreturn]] void Fail(absl::StatusCode code, const std::string& text) const;
  // The same where the plugin has said that the request cannot be: whoever asks is at fault, and
  // the plugin stays in service however often they do.
  [[noreturn]] void Refuse(absl::StatusCode code, const std::string& text) const;

 private:
  absl::Status Fault(absl::StatusCode code, const std::string& text) const;
  [[noreturn]] void Throw(const absl::Status& fault) const;

  // One call: what the plugin is told, the watch on it, and its error.
  class Frame {
   public:
    Frame(const HookTarget& target, const Evaluation& evaluation,
          const patchbay_convolution_geometry* geometry);
    ~Frame();
    const patchbay_call& call() const { return call_; }
    void Finish(patchbay_status status, std::chrono::nanoseconds host_time);

   private:
    const HookTarget& target_;
    patchbay_error error_;
    patchbay_call call_;
    std::chrono::steady_clock::time_point started_;
    // What the host has computed for the plugin before this call, and where it counts on.
    const std::chrono::nanoseconds* const host_time_;
    const std::chrono::nanoseconds host_time_before_;
  };

  std::shared_ptr<const HookOwner> owner_;
  std::string id_;
  const patchbay_site* site_;
  uint32_t overlay_;
  patchbay_function function_;
  void* data_;
  void (*release_)(void* data);
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_HOOK_TARGET_H_
