#include "host/plugins/chain_instance.h"

#include <cstddef>
#include <cstring>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/plugins/error_text.h"
#include "host/plugins/host_functions.h"
#include "host/plugins/plugin_fault.h"

namespace patchbay {
namespace {

absl::Status Refused(const HookOwner& owner, absl::Status status) {
  return WithPluginFault(std::move(status),
                         {PluginFault::Kind::kRefused, owner.plugin, owner.build, ""});
}

absl::Status FromPlugin(const HookOwner& owner, const char* what, patchbay_status status,
                        const patchbay_error& error) {
  if (status == PATCHBAY_OK) return absl::OkStatus();
  const std::string text = ErrorText(error);
  return Refused(
      owner, absl::Status(static_cast<absl::StatusCode>(status),
                          absl::StrCat("plugin ", owner.plugin, ": ", text.empty() ? what : text)));
}

patchbay_error EmptyError() {
  patchbay_error error{};
  error.struct_size = sizeof(error);
  return error;
}

// The plugin's code runs on this thread, outside of hooks, for as long as this is there.
class PluginSection {
 public:
  PluginSection(const HookOwner& owner, const std::string& what)
      : breadcrumbs_(owner.monitor->breadcrumbs()) {
    if (breadcrumbs_ != nullptr) breadcrumbs_->Enter({owner.plugin, owner.build, what, 0});
  }
  ~PluginSection() {
    if (breadcrumbs_ != nullptr) breadcrumbs_->Leave();
  }
  PluginSection(const PluginSection&) = delete;
  PluginSection& operator=(const PluginSection&) = delete;

 private:
  Breadcrumbs* const breadcrumbs_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Chain::Instance>> Chain::Instance::Make(
    const ChainEntry& entry, std::shared_ptr<const HookOwner> owner,
    const SettingResources& resources) {
  const absl::StatusOr<SettingArray> values = SettingArray::Make(entry.settings, resources);
  if (!values.ok()) {
    return Refused(*owner,
                   absl::Status(values.status().code(), absl::StrCat("plugin ", owner->plugin, ": ",
                                                                     values.status().message())));
  }
  const patchbay_plugin_functions& functions = entry.library->functions();
  patchbay_error error = EmptyError();
  patchbay_instance* made = nullptr;
  const PluginSection section(*owner, "create");
  const patchbay_status status =
      functions.create(&HostFunctions(), values->data(), values->size(), &made, &error);
  PATCHBAY_RETURN_IF_ERROR(FromPlugin(*owner, "could not be made", status, error));
  return absl::WrapUnique(new Instance(functions, std::move(owner), made));
}

Chain::Instance::~Instance() {
  const PluginSection section(*owner_, "destroy");
  functions_.destroy(instance_);
}

absl::Status Chain::Instance::Attach(patchbay_attach& attach) {
  patchbay_error error = EmptyError();
  const PluginSection section(*owner_, "attach");
  return FromPlugin(*owner_, "could not be attached", functions_.attach(instance_, &attach, &error),
                    error);
}

absl::Status Chain::Instance::RunAction(const std::string& action,
                                        patchbay_action_context& context) const {
  // A table that is older than actions ends before the member.
  constexpr size_t kWithActions = offsetof(patchbay_plugin_functions, run_action) + sizeof(void*);
  if (functions_.struct_size < kWithActions || functions_.run_action == nullptr) {
    return absl::UnimplementedError(absl::StrCat("plugin ", owner_->plugin, " runs no actions"));
  }
  patchbay_error error = EmptyError();
  const PluginSection section(*owner_, absl::StrCat("action ", action));
  return FromPlugin(*owner_, "the action failed",
                    functions_.run_action(instance_, action.c_str(), &context, &error), error);
}

}  // namespace patchbay
