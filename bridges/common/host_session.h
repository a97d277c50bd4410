#ifndef PATCHBAY_BRIDGES_COMMON_HOST_SESSION_H_
#define PATCHBAY_BRIDGES_COMMON_HOST_SESSION_H_

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bridges/common/json.h"
#include "patchbay/v1/generation_service.pb.h"
#include "patchbay/v1/model_service.pb.h"
#include "patchbay/v1/plugin_service.pb.h"

namespace patchbay {

struct HostSessionOptions {
  std::string address;                // "127.0.0.1:50051" or "unix:/path"
  std::string tls_authority_file;     // PEM; empty: no TLS
  std::string administrator_token;    // sent with every call; empty: none
  std::chrono::seconds deadline{60};  // of calls that have one answer
};

// A plugin as a front end shows it: the build that acts, else the newest one that can.
struct PluginDescription {
  v1::Plugin plugin;
  std::vector<v1::Parameter> parameters;
};

// A Patchbay server as a bridge sees it: its public gRPC API and nothing else. Calls wait for their
// answer; errors carry the server's code and sentence, UNAVAILABLE when it cannot be reached. Any
// thread.
class HostSession {
 public:
  using OnEvent = std::function<void(const v1::GenerationEvent&)>;

  // Reads the file that the options name; connects with the first call.
  static absl::StatusOr<std::unique_ptr<HostSession>> Make(const HostSessionOptions& options);
  virtual ~HostSession() = default;

  // Starts a generation and calls `on_event`, on this thread, for all that happens to it. Takes up
  // a broken connection again where it was. Returns it in its final state, whichever that is.
  virtual absl::StatusOr<v1::Generation> Generate(
      const v1::CreateAndWatchGenerationRequest& request, const OnEvent& on_event) = 0;
  // Asks for a generation's end.
  virtual absl::Status CancelGeneration(const std::string& id) = 0;

  // Stores a file and returns its id.
  virtual absl::StatusOr<std::string> Upload(std::string_view bytes) = 0;
  // A stored file's bytes.
  virtual absl::StatusOr<std::string> Download(const std::string& id) = 0;

  virtual absl::StatusOr<std::vector<v1::Model>> ListModels() = 0;
  // What a checkpoint is, as a JSON object ("family", "latent_channels" and more). Empty: the
  // default model.
  virtual absl::StatusOr<Json> InspectModel(const std::string& name) = 0;
  virtual absl::Status LoadModel(const std::string& name) = 0;
  virtual absl::Status UnloadModel(const std::string& name) = 0;

  // One description for each plugin, by id. Empty on a server without plugins.
  virtual absl::StatusOr<std::vector<PluginDescription>> ListPlugins() = 0;
  // All builds, as the server lists them.
  virtual absl::StatusOr<std::vector<v1::Plugin>> ListPluginBuilds() = 0;
  // `build` empty: the newest.
  virtual absl::Status ActivatePlugin(const std::string& id, const std::string& build) = 0;
  virtual absl::Status RollBackPlugin(const std::string& id) = 0;
  virtual absl::Status RetirePlugin(const std::string& id) = 0;
  // Those that are named act in this order; none: in the one that they declare.
  virtual absl::Status OrderPlugins(const std::vector<std::string>& ids) = 0;

  // Makes all calls under way end with CANCELLED, and later ones too.
  virtual void ShutDown() = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_HOST_SESSION_H_
