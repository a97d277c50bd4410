#include "host/plugins/hook_target.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/plugins/error_text.h"
#include "host/plugins/plugin_fault.h"

namespace patchbay {
namespace {

std::string ShapeText(at::IntArrayRef shape) {
  return absl::StrCat("[",
                      absl::StrJoin(shape, ", ",
                                    [](std::string* out, int64_t size) {
                                      absl::StrAppend(out, size < 0 ? "any" : absl::StrCat(size));
                                    }),
                      "]");
}

bool Fits(at::IntArrayRef given, at::IntArrayRef wanted) {
  if (given.size() != wanted.size()) return false;
  for (size_t i = 0; i < given.size(); ++i) {
    if (wanted[i] >= 0 ? given[i] != wanted[i] : given[i] <= 0) return false;
  }
  return true;
}

// What a plugin says of a request that it cannot serve, or of its end, rather than of itself.
bool IsRefusal(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

}  // namespace

HookTarget::HookTarget(std::shared_ptr<const HookOwner> owner, const patchbay_hook& hook,
                       const patchbay_site* site)
    : owner_(std::move(owner)),
      id_(hook.id),
      site_(site),
      overlay_(hook.overlay),
      function_(hook.function),
      data_(hook.data),
      release_(hook.release) {}

HookTarget::~HookTarget() {
  if (release_ != nullptr) release_(data_);
}

absl::Status HookTarget::Fault(absl::StatusCode code, const std::string& text) const {
  std::string where = absl::StrCat("plugin ", owner_->plugin, ", ", id_);
  if (site_ != nullptr) absl::StrAppend(&where, " at ", site_->name);
  return absl::Status(code, absl::StrCat(where, ": ", text));
}

void HookTarget::Throw(const absl::Status& fault) const {
  throw HookFailure(
      WithPluginFault(fault, {PluginFault::Kind::kFailed, owner_->plugin, owner_->build, id_}));
}

void HookTarget::Fail(absl::StatusCode code, const std::string& text) const {
  const absl::Status fault = Fault(code, text);
  if (owner_->monitor != nullptr) owner_->monitor->RecordFailure(owner_->build, fault);
  Throw(fault);
}

void HookTarget::Refuse(absl::StatusCode code, const std::string& text) const {
  if (code == absl::StatusCode::kCancelled) throw HookFailure(Fault(code, text));
  Throw(Fault(code, text));
}

at::Tensor HookTarget::Checked(patchbay_tensor result, const at::Tensor& like,
                               at::IntArrayRef shape) const {
  const at::Tensor tensor = Adopted(result);
  if (!tensor.defined()) return tensor;
  if (!Fits(tensor.sizes(), shape)) {
    Fail(absl::StatusCode::kInvalidArgument,
         absl::StrCat("gave a tensor ", ShapeText(tensor.sizes()), " where ", ShapeText(shape),
                      " is wanted"));
  }
  if (tensor.scalar_type() != like.scalar_type() || tensor.device() != like.device()) {
    Fail(absl::StatusCode::kInvalidArgument,
         absl::StrCat("gave a tensor of type ", at::toString(tensor.scalar_type()), " on ",
                      tensor.device().str(), " where ", at::toString(like.scalar_type()), " on ",
                      like.device().str(), " is wanted"));
  }
  // One pass over the numbers and no memory: a sum is finite only if they all are. (Asked for fp32,
  // LibTorch would copy bf16 numbers first.)
  if (!std::isfinite(tensor.sum().item<float>()) && !tensor.isfinite().all().item<bool>()) {
    Fail(absl::StatusCode::kDataLoss, "gave numbers that are not finite");
  }
  return tensor;
}

void HookTarget::CheckNothing(patchbay_tensor result) const {
  if (Adopted(result).defined()) {
    Fail(absl::StatusCode::kInvalidArgument, "gave a tensor where it may only look on");
  }
}

HookTarget::Frame::Frame(const HookTarget& target, const Evaluation& evaluation,
                         const patchbay_convolution_geometry* geometry)
    : target_(target),
      started_(std::chrono::steady_clock::now()),
      host_time_(evaluation.plugins[target.owner_->place].host_time),
      host_time_before_(host_time_ == nullptr ? std::chrono::nanoseconds{} : *host_time_) {
  const HookOwner& owner = *target.owner_;
  const PluginInPass& plugin = evaluation.plugins[owner.place];
  error_.struct_size = sizeof(error_);
  error_.text[0] = 0;
  call_ = {.struct_size = sizeof(patchbay_call),
           .step = &evaluation.step,
           .pass_state = plugin.pass_state,
           .model = &plugin.model,
           .site = target.site_,
           .error = &error_,
           .geometry = geometry};
  if (owner.monitor != nullptr && owner.monitor->breadcrumbs() != nullptr) {
    owner.monitor->breadcrumbs()->Enter(
        {owner.plugin, owner.build, target.id_, evaluation.step.index});
  }
}

HookTarget::Frame::~Frame() {
  HookMonitor* const monitor = target_.owner_->monitor;
  if (monitor != nullptr && monitor->breadcrumbs() != nullptr) monitor->breadcrumbs()->Leave();
}

void HookTarget::Frame::Finish(patchbay_status status, std::chrono::nanoseconds host_time) {
  if (status != PATCHBAY_OK) {
    const auto code = static_cast<absl::StatusCode>(status);
    std::string text = ErrorText(error_);
    if (text.empty()) text = "failed";
    if (IsRefusal(code)) target_.Refuse(code, text);
    target_.Fail(code, text);
  }
  if (target_.owner_->monitor == nullptr) return;
  const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - started_ - host_time -
      (host_time_ == nullptr ? std::chrono::nanoseconds{} : *host_time_ - host_time_before_));
  const auto budget = target_.owner_->monitor->limits().time_budget;
  if (spent > budget) {
    target_.Fail(absl::StatusCode::kDeadlineExceeded,
                 absl::StrCat("took ", spent.count(), " ms of the ", budget.count(),
                              " ms that a hook may take"));
  }
}

}  // namespace patchbay
