#ifndef PATCHBAY_HOST_SERVICE_SETTINGS_CONVERSION_H_
#define PATCHBAY_HOST_SERVICE_SETTINGS_CONVERSION_H_

#include "absl/status/statusor.h"
#include "host/engine/jobs/job_request.h"
#include "patchbay/v1/generation.pb.h"

namespace patchbay {

// What a generation draws, between the API's message and the engine's value. Absent fields take
// their defaults. INVALID_ARGUMENT names the field that says nothing sensible: an unknown number of
// an enum, a LoRA without a source, a picture as a plugin's setting.
absl::StatusOr<JobRequest> SettingsFromProto(const v1::GenerationSettings& settings);
v1::GenerationSettings SettingsToProto(const JobRequest& request);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_SETTINGS_CONVERSION_H_
