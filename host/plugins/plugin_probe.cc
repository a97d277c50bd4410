#include "host/plugins/plugin_probe.h"

#include <sys/wait.h>

#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/plugins/child_process.h"

namespace patchbay {
namespace {

constexpr size_t kMaxShownBytes = 2000;

// The child needs no more of the environment than this.
std::vector<std::string> Environment(const ProbeOptions& options) {
  return {absl::StrCat("LD_LIBRARY_PATH=", options.library_folder), "LC_ALL=C.UTF-8"};
}

std::string Shown(const std::string& errors) {
  return std::string(absl::StripAsciiWhitespace(errors.substr(0, kMaxShownBytes)));
}

absl::Status CheckEnd(const ChildResult& result) {
  if (WIFSIGNALED(result.wait_status)) {
    const std::string errors = Shown(result.errors);
    return absl::FailedPreconditionError(absl::StrCat(
        "it crashed when it was loaded (", strsignal(WTERMSIG(result.wait_status)),
        "), and was not loaded into this process", errors.empty() ? "" : ". It wrote: ", errors));
  }
  if (WEXITSTATUS(result.wait_status) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "it was refused (status ", WEXITSTATUS(result.wait_status),
      "): ", result.errors.empty() ? "it ended the process that loaded it" : Shown(result.errors)));
}

absl::Status Probe(const InstalledPlugin& plugin, const ProbeOptions& options) {
  PATCHBAY_ASSIGN_OR_RETURN(const ChildResult result,
                            RunChild({options.program, plugin.library_path, "-"},
                                     Environment(options), {options.time_limit}));
  PATCHBAY_RETURN_IF_ERROR(CheckEnd(result));
  // Empty when the library ended the process with status 0 on its own.
  if (result.output.empty()) {
    return absl::FailedPreconditionError("it ended the process that loaded it");
  }
  PATCHBAY_ASSIGN_OR_RETURN(const PluginManifest loaded,
                            ParseManifest(result.output, "what the library says of itself"));
  return CheckSameAsManifest(plugin.manifest, loaded);
}

}  // namespace

absl::Status ProbePlugin(const InstalledPlugin& plugin, const ProbeOptions& options) {
  const absl::Status status = Probe(plugin, options);
  if (status.ok()) return status;
  return absl::Status(
      status.code(),
      absl::StrCat("plugin \"", plugin.manifest.description.id, "\" (", plugin.manifest.library,
                   "), tried in a process of its own: ", status.message()));
}

}  // namespace patchbay
