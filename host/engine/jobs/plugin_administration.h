#ifndef PATCHBAY_HOST_ENGINE_JOBS_PLUGIN_ADMINISTRATION_H_
#define PATCHBAY_HOST_ENGINE_JOBS_PLUGIN_ADMINISTRATION_H_

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "host/engine/jobs/artifact_store.h"
#include "host/plugins/plugin_status.h"

namespace patchbay {

class PluginHost;

// What operators do with a server's plugins. A change with a request_id that was seen before gives
// the first answer again and changes nothing; the last thousand are remembered, until the process
// ends. Errors carry a reason (error_reason.h). Any thread.
class PluginAdministration {
 public:
  // work_folder: for plugins on their way into the store. The store must outlive this.
  PluginAdministration(std::shared_ptr<PluginHost> plugins, ArtifactStore& artifacts,
                       std::string work_folder)
      : plugins_(std::move(plugins)), artifacts_(artifacts), work_folder_(std::move(work_folder)) {}

  // Every build, by id, the newest of each first.
  std::vector<PluginStatus> List() const;
  // As PluginHost::Find.
  absl::StatusOr<PluginStatus> Find(const std::string& id, const std::string& build) const;

  // Takes a plugin out of two artifacts: its manifest and its library. As PluginHost::Install.
  absl::StatusOr<PluginStatus> Install(const std::string& manifest_artifact,
                                       const std::string& library_artifact,
                                       const std::string& request_id);
  // These three as those of PluginHost.
  absl::StatusOr<PluginStatus> Activate(const std::string& id, const std::string& build,
                                        const SettingPairs& settings,
                                        const std::string& request_id);
  absl::StatusOr<PluginStatus> RollBack(const std::string& id, const std::string& request_id);
  absl::StatusOr<PluginStatus> Retire(const std::string& id, const std::string& request_id);
  // As PluginHost::SetOrder.
  absl::StatusOr<std::vector<PluginStatus>> SetOrder(const std::vector<std::string>& ids);

 private:
  struct Answered {
    std::string request_id;
    std::string call;  // what was asked for
    PluginStatus answer;
  };

  absl::StatusOr<PluginStatus> Once(const std::string& request_id, const std::string& call,
                                    const std::function<absl::StatusOr<PluginStatus>()>& change);
  absl::StatusOr<PluginStatus> InstallFrom(const std::string& manifest_path,
                                           const std::string& library_path);

  const std::shared_ptr<PluginHost> plugins_;
  ArtifactStore& artifacts_;
  const std::string work_folder_;
  std::mutex mutex_;              // one change at a time
  std::list<Answered> answered_;  // the latest first
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_PLUGIN_ADMINISTRATION_H_
