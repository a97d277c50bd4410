#ifndef PATCHBAY_HOST_CLI_REMOTE_GENERATE_H_
#define PATCHBAY_HOST_CLI_REMOTE_GENERATE_H_

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/cli/connection.h"
#include "host/cli/generate_options.h"
#include "host/cli/job_drawer.h"

namespace patchbay {

// What `generate` can be told with --host only.
struct RemoteGenerateOptions {
  std::string request_id;
  int priority = 0;
  bool detach = false;
  bool without_default_plugins = false;
  bool skip_failed_plugins = false;
};

void DeclareRemoteGenerateOptions(CLI::App& command, RemoteGenerateOptions& options);

// Draws on the server and writes the same files as GenerateHere(). Ctrl-C cancels the job there.
absl::Status GenerateRemotely(GenerateOptions& options, const RemoteGenerateOptions& remote,
                              const Connection& connection);

// Draws on the server, job after job. With a request's id, each job's is that and its number.
absl::StatusOr<std::unique_ptr<JobDrawer>> OpenDrawerThere(const RemoteGenerateOptions& remote,
                                                           const Connection& connection);

// CheckJobHere() for a job that the server is to draw, as far as it can be told before the server
// has its files.
absl::Status CheckJobThere(GenerateOptions options, const RemoteGenerateOptions& remote,
                           const Connection& connection);

// INVALID_ARGUMENT when one of these options was typed although nothing is remote.
absl::Status CheckNotRemote(const RemoteGenerateOptions& remote);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_REMOTE_GENERATE_H_
