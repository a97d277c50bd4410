#include "host/plugins/plugin_fault.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/cord.h"

namespace patchbay {
namespace {

constexpr char kPayload[] = "patchbay/plugin-fault";

}  // namespace

absl::Status WithPluginFault(absl::Status status, const PluginFault& fault) {
  const nlohmann::json json = {static_cast<int>(fault.kind), fault.plugin, fault.build, fault.hook};
  status.SetPayload(
      kPayload, absl::Cord(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
  return status;
}

std::optional<PluginFault> PluginFaultOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayload);
  if (!payload.has_value()) return std::nullopt;
  const nlohmann::json json = nlohmann::json::parse(std::string(*payload), nullptr, false);
  return PluginFault{static_cast<PluginFault::Kind>(json.at(0).get<int>()), json.at(1), json.at(2),
                     json.at(3)};
}

}  // namespace patchbay
