#include "host/engine/jobs/error_reason.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/cord.h"

namespace patchbay {
namespace {

constexpr char kPayload[] = "patchbay/error-details";

}  // namespace

absl::Status WithDetails(absl::Status status, const ErrorDetails& details) {
  nlohmann::json json = {{"reason", details.reason}, {"metadata", details.metadata}};
  if (details.retry_delay.has_value()) {
    json["retry_seconds"] = absl::ToDoubleSeconds(*details.retry_delay);
  }
  status.SetPayload(
      kPayload, absl::Cord(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
  return status;
}

absl::Status WithReason(absl::Status status, std::string_view reason) {
  return WithDetails(std::move(status), {std::string(reason), {}, std::nullopt});
}

ErrorDetails DetailsOf(const absl::Status& status) {
  ErrorDetails details;
  const auto payload = status.GetPayload(kPayload);
  if (!payload.has_value()) return details;
  const nlohmann::json json = nlohmann::json::parse(std::string(*payload), nullptr, false);
  if (!json.is_object()) return details;
  details.reason = json.value("reason", "");
  details.metadata = json.value("metadata", std::map<std::string, std::string>());
  if (json.contains("retry_seconds")) {
    details.retry_delay = absl::Seconds(json["retry_seconds"].get<double>());
  }
  return details;
}

}  // namespace patchbay
