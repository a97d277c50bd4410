#ifndef PATCHBAY_HOST_CLI_JOB_WATCH_H_
#define PATCHBAY_HOST_CLI_JOB_WATCH_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/cli/progress.h"
#include "host/service/client.h"

namespace patchbay {

// Shows a job's progress until it has ended, as `generate` does; comes back after a broken
// connection. preview_file: a PNG file that is written anew with each preview; empty: none.
absl::StatusOr<Job> WatchJob(const std::string& id, uint64_t after_sequence, bool quiet,
                             const std::string& preview_file, Client& client,
                             const PaintingRound& round = {});

// OK for a job that has succeeded; its error, or CANCELLED.
absl::Status OutcomeOf(const Job& job);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_JOB_WATCH_H_
