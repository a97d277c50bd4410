#ifndef PATCHBAY_HOST_PLUGINS_PLUGIN_PROBE_H_
#define PATCHBAY_HOST_PLUGINS_PLUGIN_PROBE_H_

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "host/plugins/plugin_store.h"

namespace patchbay {

struct ProbeOptions {
  // patchbay-plugin-manifest, which stands beside the host's own program.
  std::string program;
  // LoadedLibTorchFolder(); where the child looks for the libraries that plugins need.
  std::string library_folder;
  std::chrono::milliseconds time_limit = std::chrono::seconds(20);
};

// The folder of the LibTorch that this process runs with.
std::string LoadedLibTorchFolder();

// Loads an installed build in a child process and compares what it says of itself with its
// manifest, so that a build that crashes, hangs or ends the process while it is loaded does so
// where it harms nobody. FAILED_PRECONDITION: it crashed (with the signal's name), was refused by
// the loader, or differs from its manifest. DEADLINE_EXCEEDED: not done in time; the child has been
// killed. NOT_FOUND: no such program. Blocks; any thread.
absl::Status ProbePlugin(const InstalledPlugin& plugin, const ProbeOptions& options);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_PLUGIN_PROBE_H_
