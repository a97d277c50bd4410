#ifndef PATCHBAY_HOST_VALIDATOR_VALIDATE_H_
#define PATCHBAY_HOST_VALIDATOR_VALIDATE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace patchbay {

struct ValidationOptions {
  // The folder with plugin.json and the library.
  std::string folder;
  // An earlier release's plugin.json that this one must be compatible with; may be empty.
  std::string previous_manifest;
  // Settings to try the plugin with where its defaults do nothing: "field=value,...". Files and
  // pictures are given by their paths.
  std::string settings;
  // Only checks whose id begins with this; empty: all. Those that they need run as well.
  std::string only;
  // For each check.
  std::chrono::milliseconds time_limit = std::chrono::seconds(60);
  uint64_t memory_limit = uint64_t{4} << 30;  // bytes
};

struct CheckOutcome {
  enum class Kind { kPass, kFail, kSkip };
  std::string id;     // "library.loads"
  std::string title;  // what is true when it passes
  Kind kind = Kind::kPass;
  std::string reason;  // what was found; may be empty
  std::string advice;  // for failures: what to do
  double seconds = 0;
};

struct ValidationReport {
  std::string plugin;  // its id; the folder where that cannot be told
  std::vector<CheckOutcome> checks;
  bool passed() const;
};

// Checks a plugin, each check in a process of its own that ends at the limits. `on_outcome` is told
// of each as it is known. A check whose needs have failed is skipped. INVALID_ARGUMENT: `only`
// names no check. The calling process must have one thread only and must not have loaded the
// plugin.
absl::StatusOr<ValidationReport> ValidatePlugin(
    const ValidationOptions& options, const std::function<void(const CheckOutcome&)>& on_outcome);

// "PASS library.loads  It loads", with the reason, and for failures what to do.
std::string OutcomeLine(const CheckOutcome& outcome);
// The last line: how many passed, failed and were skipped.
std::string ReportSummary(const ValidationReport& report);
std::string ReportJson(const ValidationReport& report);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_VALIDATE_H_
