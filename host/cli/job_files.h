#ifndef PATCHBAY_HOST_CLI_JOB_FILES_H_
#define PATCHBAY_HOST_CLI_JOB_FILES_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/cli/generate_options.h"
#include "host/service/client.h"

namespace patchbay {

// Uploads the files that the options name, those that the server does not have yet, and returns the
// request that names them. The options' own request is complete already.
absl::StatusOr<JobRequest> UploadRequestFiles(const GenerateOptions& options, Client& client);

// Downloads the pictures of a job that has succeeded to `output_file` (numbered if there are
// several) and its latent to `latent_file` unless that is empty. Returns the pictures' paths.
absl::StatusOr<std::vector<std::string>> SaveJobFiles(const Job& job,
                                                      const std::string& output_file,
                                                      const std::string& latent_file,
                                                      Client& client);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_JOB_FILES_H_
