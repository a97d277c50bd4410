#ifndef PATCHBAY_HOST_SERVICE_CLIENT_H_
#define PATCHBAY_HOST_SERVICE_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/engine/jobs/artifact_store.h"
#include "host/engine/jobs/job.h"
#include "host/engine/jobs/job_event_log.h"
#include "host/engine/jobs/model_registry.h"

namespace patchbay {

struct ClientOptions {
  std::string address;  // "127.0.0.1:50051", "unix:/run/patchbay.sock"
  // PEM file of the authority that signed the server's certificate; empty: no TLS.
  std::string tls_authority_file;
  // The client's own certificate; both or neither.
  std::string tls_certificate_file;
  std::string tls_key_file;
  std::string token_file;  // first line: the administrators' token; empty: none
  absl::Duration deadline = absl::Seconds(60);  // of calls that have one answer
};

struct ModelText {
  std::string description;
  std::string json;
};

// A Patchbay server, called over gRPC. Calls wait for their answer. Errors are the server's, with
// their reason (error_reason.h); UNAVAILABLE when it cannot be reached. Any thread.
class Client {
 public:
  // Reads the files that the options name; connects when the first call is made.
  static absl::StatusOr<std::unique_ptr<Client>> Make(const ClientOptions& options);
  virtual ~Client() = default;

  virtual absl::StatusOr<Job> Create(const JobSubmission& submission) = 0;
  virtual absl::StatusOr<Job> Get(const std::string& id) = 0;
  virtual absl::StatusOr<Job> Cancel(const std::string& id) = 0;
  // The newest first, at most `limit`; `states` empty: all.
  virtual absl::StatusOr<std::vector<Job>> List(int limit, const std::vector<JobState>& states) = 0;

  struct WatchOptions {
    uint64_t after_sequence = 0;
    bool previews = false;
    // How long to try again when the connection breaks.
    absl::Duration patience = absl::Seconds(60);
  };
  // Calls `on_event` for each event until the job has ended; comes back after a broken connection
  // without losing any. `is_interrupted` is asked several times a second; true ends the call with
  // CANCELLED and leaves the job alone.
  virtual absl::StatusOr<Job> Watch(const std::string& id, const WatchOptions& options,
                                    const std::function<void(const JobEvent&)>& on_event,
                                    const std::function<bool()>& is_interrupted) = 0;

  // Sends a file unless the server has it already. Returns its id.
  virtual absl::StatusOr<std::string> Upload(const std::string& path) = 0;
  // The artifact's bytes, checked against its id.
  virtual absl::StatusOr<std::string> Download(const std::string& id) = 0;

  virtual absl::StatusOr<std::vector<ModelEntry>> ListModels() = 0;
  virtual absl::StatusOr<ModelEntry> LoadModel(const std::string& name) = 0;
  virtual absl::StatusOr<ModelEntry> UnloadModel(const std::string& name) = 0;
  virtual absl::StatusOr<ModelText> InspectModel(const std::string& name) = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_CLIENT_H_
