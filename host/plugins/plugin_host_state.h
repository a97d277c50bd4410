#ifndef PATCHBAY_HOST_PLUGINS_PLUGIN_HOST_STATE_H_
#define PATCHBAY_HOST_PLUGINS_PLUGIN_HOST_STATE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "host/plugins/breadcrumb_file.h"
#include "host/plugins/control_thread.h"
#include "host/plugins/plugin_catalogue.h"
#include "host/plugins/plugin_host.h"
#include "host/plugins/plugin_loader.h"
#include "host/plugins/plugin_store.h"
#include "host/plugins/shared_objects.h"

namespace patchbay {

// What a PluginHost is made of; for plugin_host.cc and plugin_changes.cc alone.
class PluginHost::State {
 public:
  State(const PluginHostOptions& options, std::unique_ptr<BreadcrumbFile> breadcrumb_file)
      : crumbs(std::move(breadcrumb_file)),
        files_folder(options.files_folder),
        monitor(options.limits, crumbs.get()) {}

  PluginStatus StatusOf(const PluginCatalogue::Build& build) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  // Why the build cannot be used, as an error with a PluginFault; OK when it can.
  absl::Status Usable(const PluginCatalogue::Build& build) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  // Writes the records to disk as they are now, if there is a store.
  absl::Status Save() ABSL_LOCKS_EXCLUDED(mutex, save_mutex);
  // Makes a change, which may be called twice, once its outcome is on disk; a failure of either
  // leaves all as it was.
  absl::Status Change(absl::FunctionRef<absl::Status(PluginCatalogue&)> change)
      ABSL_LOCKS_EXCLUDED(mutex, save_mutex);

  const std::unique_ptr<BreadcrumbFile> crumbs;
  const std::string files_folder;
  HookMonitor monitor;
  SharedObjects shared;
  std::optional<PluginStore> store;
  std::string records_path;

  absl::Mutex change_mutex;  // one change by an operator at a time; taken before `mutex`
  absl::Mutex save_mutex;    // likewise
  mutable absl::Mutex mutex;
  PluginCatalogue catalogue ABSL_GUARDED_BY(mutex);
  std::map<std::string, int> uses ABSL_GUARDED_BY(mutex);  // by jobs, by build
  // Hooks that a build was seen to hang, by build.
  std::map<std::string, std::vector<std::string>> hooks ABSL_GUARDED_BY(mutex);

  // Destroyed first, from the last on: what the thread has still to destroy may need the rest.
  std::unique_ptr<PluginLoader> loader;
  ControlThread control;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_PLUGIN_HOST_STATE_H_
