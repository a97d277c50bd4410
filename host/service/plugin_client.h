#ifndef PATCHBAY_HOST_SERVICE_PLUGIN_CLIENT_H_
#define PATCHBAY_HOST_SERVICE_PLUGIN_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/engine/jobs/action_run.h"
#include "host/engine/jobs/job_request.h"
#include "host/engine/plugin_values.h"
#include "host/service/client.h"

namespace patchbay {

// A server's plugins, over gRPC. As Client in all else.
class PluginClient {
 public:
  static absl::StatusOr<std::unique_ptr<PluginClient>> Make(const ClientOptions& options);
  virtual ~PluginClient() = default;

  // Descriptions lack fields and actions.
  virtual absl::StatusOr<std::vector<PluginStatus>> List() = 0;
  virtual absl::StatusOr<PluginStatus> Show(const std::string& id) = 0;
  // Sends the plugin in this folder: plugin.json and the library that it names.
  virtual absl::StatusOr<PluginStatus> Install(const std::string& folder) = 0;
  // build: empty for the newest.
  virtual absl::StatusOr<PluginStatus> Activate(const std::string& id, const std::string& build,
                                                const SettingPairs& settings) = 0;
  virtual absl::StatusOr<PluginStatus> RollBack(const std::string& id) = 0;
  virtual absl::StatusOr<PluginStatus> Retire(const std::string& id) = 0;
  // The active plugins in their order from now on; as PluginHost::SetOrder.
  virtual absl::StatusOr<std::vector<PluginStatus>> SetOrder(
      const std::vector<std::string>& ids) = 0;
  virtual absl::StatusOr<ChainPlan> Plan(const JobRequest& request) = 0;

  // Starts an action and calls `on_change` with each state until the run has ended. Where
  // `is_interrupted`, which is asked several times a second, says so, the run is cancelled and its
  // end waited for. UNAVAILABLE when the connection breaks for longer than a minute.
  virtual absl::StatusOr<ActionRun> RunAction(
      const ActionRequest& request, const std::function<void(const ActionRun&)>& on_change,
      const std::function<bool()>& is_interrupted) = 0;
  // As Client::Upload: for settings that name files.
  virtual absl::StatusOr<std::string> Upload(const std::string& path) = 0;
  // What an action has made.
  virtual absl::StatusOr<std::string> Download(const ActionResult& result) = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_PLUGIN_CLIENT_H_
