#include "host/cli/job_drawer.h"

#include <utility>
#include <vector>

#include "host/base/status_macros.h"
#include "host/cli/plugin_files.h"
#include "host/cli/progress.h"
#include "host/cli/resources.h"
#include "host/engine/plugin_access.h"

namespace patchbay {
namespace {

// Turns the paths in the plugins' settings into names and sees to it that plugins and files will
// do, before gigabytes are read.
absl::Status ReadyPlugins(const PluginHost& plugins, GenerationRequest& request) {
  const auto show = [&plugins](const std::string& id) { return FindPlugin(plugins, id); };
  PATCHBAY_RETURN_IF_ERROR(NamePluginFiles(show, /*has_server=*/false, request));
  return CheckPlugins(plugins, request.plugins, request.plugin_files);
}

class DrawerHere final : public JobDrawer {
 public:
  absl::Status Check(GenerateOptions options) {
    PATCHBAY_RETURN_IF_ERROR(Ready(options));
    return CheckRequestFiles(options.request);
  }

  absl::StatusOr<DrawnJob> Draw(GenerateOptions& options) override {
    PATCHBAY_RETURN_IF_ERROR(Ready(options));
    if (engine_ == nullptr) {
      PATCHBAY_ASSIGN_OR_RETURN(engine_, Engine::Open(engine_options_));
    }
    DrawnJob drawn;
    {
      ProgressDisplay progress(options.json, options.preview_file, options.round);
      PATCHBAY_ASSIGN_OR_RETURN(drawn.result, engine_->Generate(options.request, progress));
    }
    drawn.load_seconds = engine_->load_seconds();
    return drawn;
  }

 private:
  absl::Status Ready(GenerateOptions& options) {
    PATCHBAY_RETURN_IF_ERROR(CompleteRequest(options));
    if (engine_options_.plugins == nullptr) PATCHBAY_RETURN_IF_ERROR(FindPlugins(options));
    return ReadyPlugins(*engine_options_.plugins, options.request);
  }

  absl::Status FindPlugins(const GenerateOptions& options) {
    EngineOptions engine = CompleteEngineOptions(options.engine);
    PATCHBAY_ASSIGN_OR_RETURN(engine.model_path, ModelPathOrDefault(options.model));
    std::vector<std::string> folders = options.plugin_folders;
    folders.push_back(BuiltPluginsFolder());
    PATCHBAY_ASSIGN_OR_RETURN(engine.plugins,
                              OpenPlugins({.folders = std::move(folders), .store = ""}));
    engine_options_ = std::move(engine);
    return absl::OkStatus();
  }

  EngineOptions engine_options_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<JobDrawer>> OpenDrawerHere() {
  return std::make_unique<DrawerHere>();
}

absl::Status CheckJobHere(const GenerateOptions& options) { return DrawerHere().Check(options); }

}  // namespace patchbay
