#ifndef PATCHBAY_HOST_ENGINE_JOBS_JOB_JSON_H_
#define PATCHBAY_HOST_ENGINE_JOBS_JOB_JSON_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/engine/jobs/job.h"
#include "host/engine/jobs/job_request.h"

namespace patchbay {

// The journal's spelling of requests, results and errors. Fields with their default are left out
// and unknown fields are ignored, so versions can read each other's. INVALID_ARGUMENT for what is
// not JSON or has a field of the wrong type.
std::string JobRequestJson(const JobRequest& request);
absl::StatusOr<JobRequest> ParseJobRequest(std::string_view json);

std::string JobResultJson(const JobResult& result);
absl::StatusOr<JobResult> ParseJobResult(std::string_view json);

std::string JobErrorJson(const absl::Status& error);
// The outer status says whether the text could be read.
absl::Status ParseJobError(std::string_view json, absl::Status& error);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_JOB_JSON_H_
