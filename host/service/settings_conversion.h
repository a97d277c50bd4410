#ifndef PATCHBAY_HOST_SERVICE_SETTINGS_CONVERSION_H_
#define PATCHBAY_HOST_SERVICE_SETTINGS_CONVERSION_H_

#include "absl/status/statusor.h"
#include "host/engine/jobs/job_request.h"
#include "patchbay/v1/generation.pb.h"

namespace patchbay {

// What a generation draws, between the API's message and the engine's value. Absent fields take
// their defaults. INVALID_ARGUMENT names the field that says nothing sensible: an unknown number of
// an enum, a LoRA without a source, a plugin's setting without a value.
absl::StatusOr<JobRequest> SettingsFromProto(const v1::GenerationSettings& settings);
v1::GenerationSettings SettingsToProto(const JobRequest& request);

// Artifacts under names.
using NamedFiles = google::protobuf::RepeatedPtrField<v1::NamedFile>;
std::vector<NamedArtifact> FilesFromProto(const NamedFiles& files);
void FilesToProto(const std::vector<NamedArtifact>& files, NamedFiles* named);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_SETTINGS_CONVERSION_H_
