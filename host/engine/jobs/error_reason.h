#ifndef PATCHBAY_HOST_ENGINE_JOBS_ERROR_REASON_H_
#define PATCHBAY_HOST_ENGINE_JOBS_ERROR_REASON_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace patchbay {

// Why something failed, for programs to decide on; AIP-193's ErrorInfo.reason. A name never changes
// its meaning.
namespace error_reason {
inline constexpr std::string_view kActionRunNotFound = "ACTION_RUN_NOT_FOUND";
inline constexpr std::string_view kAdministratorOnly = "ADMINISTRATOR_ONLY";
inline constexpr std::string_view kArtifactDamaged = "ARTIFACT_DAMAGED";
inline constexpr std::string_view kArtifactNotFound = "ARTIFACT_NOT_FOUND";
inline constexpr std::string_view kArtifactTooLarge = "ARTIFACT_TOO_LARGE";
inline constexpr std::string_view kDraining = "DRAINING";
inline constexpr std::string_view kGenerationNotFound = "GENERATION_NOT_FOUND";
inline constexpr std::string_view kHostEndedTooOften = "HOST_ENDED_TOO_OFTEN";
inline constexpr std::string_view kInvalidSettings = "INVALID_SETTINGS";
inline constexpr std::string_view kModelNotFound = "MODEL_NOT_FOUND";
inline constexpr std::string_view kModelUnusable = "MODEL_UNUSABLE";
inline constexpr std::string_view kPluginFailed = "PLUGIN_FAILED";
inline constexpr std::string_view kPluginNotFound = "PLUGIN_NOT_FOUND";
inline constexpr std::string_view kPluginQuarantined = "PLUGIN_QUARANTINED";
inline constexpr std::string_view kPluginRefused = "PLUGIN_REFUSED";
inline constexpr std::string_view kPluginSuspended = "PLUGIN_SUSPENDED";
inline constexpr std::string_view kQueueFull = "QUEUE_FULL";
inline constexpr std::string_view kRequestIdReused = "REQUEST_ID_REUSED";
inline constexpr std::string_view kStoreFull = "STORE_FULL";
}  // namespace error_reason

// What a Status says to programs, besides its code and its sentence.
struct ErrorDetails {
  std::string reason;
  std::map<std::string, std::string> metadata;  // the sentence's variables
  std::optional<absl::Duration> retry_delay;    // present when the same call may succeed later
};

// The status with details attached. They travel inside the status and survive copies.
absl::Status WithDetails(absl::Status status, const ErrorDetails& details);
absl::Status WithReason(absl::Status status, std::string_view reason);

// What was attached; an empty reason when nothing was.
ErrorDetails DetailsOf(const absl::Status& status);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_ERROR_REASON_H_
