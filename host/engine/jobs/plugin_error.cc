#include "host/engine/jobs/plugin_error.h"

#include <optional>
#include <string_view>

#include "host/engine/jobs/error_reason.h"
#include "host/plugins/plugin_fault.h"

namespace patchbay {
namespace {

std::string_view ReasonOf(PluginFault::Kind kind) {
  switch (kind) {
    case PluginFault::Kind::kFailed:
      return error_reason::kPluginFailed;
    case PluginFault::Kind::kRefused:
      return error_reason::kPluginRefused;
    case PluginFault::Kind::kSuspended:
      return error_reason::kPluginSuspended;
    case PluginFault::Kind::kQuarantined:
      return error_reason::kPluginQuarantined;
  }
  return error_reason::kPluginFailed;
}

}  // namespace

absl::Status WithPluginReason(const absl::Status& status) {
  const std::optional<PluginFault> fault = PluginFaultOf(status);
  if (!fault.has_value()) return status;
  ErrorDetails details{std::string(ReasonOf(fault->kind)),
                       {{"plugin", fault->plugin}, {"build", fault->build}},
                       std::nullopt};
  if (!fault->hook.empty()) details.metadata["hook"] = fault->hook;
  return WithDetails(status, details);
}

absl::Status AboutPlugin(const absl::Status& status, const std::string& plugin) {
  if (status.ok()) return status;
  const absl::Status explained = WithPluginReason(status);
  if (!DetailsOf(explained).reason.empty()) return explained;
  const std::string_view reason =
      absl::IsNotFound(status) ? error_reason::kPluginNotFound : error_reason::kPluginRefused;
  return WithDetails(status, {std::string(reason), {{"plugin", plugin}}, std::nullopt});
}

}  // namespace patchbay
