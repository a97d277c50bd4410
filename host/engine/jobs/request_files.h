#ifndef PATCHBAY_HOST_ENGINE_JOBS_REQUEST_FILES_H_
#define PATCHBAY_HOST_ENGINE_JOBS_REQUEST_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/engine/jobs/artifact_store.h"
#include "host/engine/jobs/job_request.h"

namespace patchbay {

// Checks the names and ids of a request's files and reads its pictures and its latent out of the
// store. `lora_folder` is where LoRAs are found by name; empty: by name there are none. The result
// still lacks what JobFolder adds. INVALID_ARGUMENT and
// NOT_FOUND name the field.
absl::StatusOr<GenerationRequest> ReadRequestFiles(const JobRequest& request,
                                                   const ArtifactStore& artifacts,
                                                   const std::string& lora_folder);

// A job's own folder, where the files that a prompt finds by name lie under these names, as links
// to what the store holds. Removed with the object.
class JobFolder {
 public:
  // Makes `path` anew and lets `settings` find its files there.
  static absl::StatusOr<JobFolder> Make(std::string path, const JobRequest& request,
                                        const ArtifactStore& artifacts,
                                        const std::string& lora_folder,
                                        GenerationRequest& settings);
  JobFolder(JobFolder&& other) noexcept;
  JobFolder& operator=(JobFolder&&) = delete;
  ~JobFolder();

 private:
  explicit JobFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_REQUEST_FILES_H_
