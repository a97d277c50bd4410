#ifndef PATCHBAY_HOST_CLI_JOB_DRAWER_H_
#define PATCHBAY_HOST_CLI_JOB_DRAWER_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "host/cli/generate_options.h"

namespace patchbay {

// What a job has drawn; nothing of it is written yet.
struct DrawnJob {
  GenerationResult result;
  double load_seconds = 0;
};

// Draws one job after another; what they share stays ready in between: the model, or the connection
// to a server.
class JobDrawer {
 public:
  virtual ~JobDrawer() = default;
  // Shows the job's progress. Completes `options.request`; give each job options of its own.
  virtual absl::StatusOr<DrawnJob> Draw(GenerateOptions& options) = 0;
};

using DrawerOpener = std::function<absl::StatusOr<std::unique_ptr<JobDrawer>>()>;

// Draws in this process; the first job's options say with which model.
absl::StatusOr<std::unique_ptr<JobDrawer>> OpenDrawerHere();

// Refuses what drawing would refuse before it reads the model: values, plugins, their settings, and
// files that are not there. For what has long work before it.
using JobChecker = std::function<absl::Status(const GenerateOptions&)>;

absl::Status CheckJobHere(const GenerateOptions& options);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_JOB_DRAWER_H_
