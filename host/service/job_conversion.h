#ifndef PATCHBAY_HOST_SERVICE_JOB_CONVERSION_H_
#define PATCHBAY_HOST_SERVICE_JOB_CONVERSION_H_

#include <google/protobuf/timestamp.pb.h>

#include "absl/status/statusor.h"
#include "host/engine/jobs/job.h"
#include "host/engine/jobs/job_event_log.h"
#include "patchbay/v1/generation.pb.h"

namespace patchbay {

// Jobs and their events, between the API's messages (where they are called generations) and the
// engine's values.
v1::GenerationState StateToProto(JobState state);
// INVALID_ARGUMENT for a number that stands for no state.
absl::StatusOr<JobState> StateFromProto(v1::GenerationState state);

v1::Generation JobToProto(const Job& job);
absl::StatusOr<Job> JobFromProto(const v1::Generation& generation);

v1::GenerationEvent EventToProto(const JobEvent& event);
absl::StatusOr<JobEvent> EventFromProto(const v1::GenerationEvent& event);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_JOB_CONVERSION_H_
