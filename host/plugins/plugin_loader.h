#ifndef PATCHBAY_HOST_PLUGINS_PLUGIN_LOADER_H_
#define PATCHBAY_HOST_PLUGINS_PLUGIN_LOADER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "host/plugins/control_thread.h"
#include "host/plugins/plugin_catalogue.h"
#include "host/plugins/plugin_library.h"
#include "host/plugins/plugin_probe.h"
#include "host/plugins/plugin_store.h"

namespace patchbay {

struct PluginLoaderOptions {
  // How builds are tried in a process of their own before they are loaded here; none: they are not.
  std::optional<ProbeOptions> probe;
  // Where builds of other folders are copied to before they are loaded, so that they may be built
  // anew while they serve; none: they are loaded where they are.
  std::optional<PluginStore> copies;
};

// What became of trying a build: empty when it went well.
using ProbeVerdict = std::string;

// Maps builds into the process, each once. Any thread.
class PluginLoader {
 public:
  // known: verdicts of earlier processes, by library and manifest (their SHA-256, with a space
  // between). on_verdict hears new ones, on the thread that loads.
  PluginLoader(PluginLoaderOptions options, ControlThread& control,
               std::map<std::string, ProbeVerdict> known,
               std::function<void(const std::string& tried, const ProbeVerdict&)> on_verdict)
      : options_(std::move(options)),
        control_(control),
        on_verdict_(std::move(on_verdict)),
        verdicts_(std::move(known)) {}

  // Errors: as ProbePlugin and PluginLibrary::Load; FAILED_PRECONDITION for a build of a folder
  // that has been built anew since.
  absl::StatusOr<std::shared_ptr<const PluginLibrary>> Load(const PluginCatalogue::Build& build);
  // Only tries it, unless that was done before with this library and this manifest.
  absl::Status Probe(const InstalledPlugin& plugin);

 private:
  absl::StatusOr<InstalledPlugin> Place(const PluginCatalogue::Build& build) const;

  const PluginLoaderOptions options_;
  ControlThread& control_;
  const std::function<void(const std::string&, const ProbeVerdict&)> on_verdict_;
  absl::Mutex mutex_;
  std::map<std::string, ProbeVerdict> verdicts_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<const PluginLibrary>> loaded_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_PLUGIN_LOADER_H_
