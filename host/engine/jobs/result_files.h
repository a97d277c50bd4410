#ifndef PATCHBAY_HOST_ENGINE_JOBS_RESULT_FILES_H_
#define PATCHBAY_HOST_ENGINE_JOBS_RESULT_FILES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "host/engine/jobs/artifact_store.h"
#include "host/engine/jobs/job.h"
#include "host/engine/jobs/job_executor.h"
#include "host/engine/jobs/picture_format.h"

namespace patchbay {

// Encodes what a job has drawn and stores it.
absl::StatusOr<JobResult> StoreResult(const JobExecutor::Outcome& outcome, PictureFormat format,
                                      ArtifactStore& artifacts);

// Small JPEG files for a preview; empty when they cannot be made or are too large to be worth it.
std::vector<std::string> EncodePreview(const std::vector<Picture>& pictures);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_RESULT_FILES_H_
