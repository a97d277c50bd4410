#include <memory>

#include "host/base/status_macros.h"
#include "host/cli/commands.h"
#include "host/cli/connection.h"
#include "host/cli/convert_command.h"
#include "host/cli/job_command.h"
#include "host/cli/model_command.h"
#include "host/cli/outpaint_command.h"
#include "host/cli/plugin_action_command.h"
#include "host/cli/plugin_command.h"
#include "host/cli/plugin_watch_command.h"
#include "host/cli/remote_generate.h"
#include "host/cli/remote_model_command.h"
#include "host/cli/remote_plugin_command.h"
#include "host/cli/serve_command.h"

namespace patchbay {
namespace {

// Kept by the commands that use it.
struct Remote {
  Connection connection;
  RemoteGenerateOptions generate;
};

}  // namespace

void AddCommands(CLI::App& program, CommandAction& action) {
  const auto remote = std::make_shared<Remote>();
  AddConnectionOptions(program, remote->connection);
  program.fallthrough();  // so that --host may also stand behind the command
  const GenerateRunner draw = [remote](GenerateOptions& options) -> absl::Status {
    if (remote->connection.is_remote()) {
      return GenerateRemotely(options, remote->generate, remote->connection);
    }
    PATCHBAY_RETURN_IF_ERROR(CheckNotRemote(remote->generate));
    return GenerateHere(options);
  };
  CLI::App* const generate = AddGenerateCommand(program, action, draw);
  const DrawerOpener open_drawer = [remote]() -> absl::StatusOr<std::unique_ptr<JobDrawer>> {
    if (remote->connection.is_remote()) {
      return OpenDrawerThere(remote->generate, remote->connection);
    }
    PATCHBAY_RETURN_IF_ERROR(CheckNotRemote(remote->generate));
    return OpenDrawerHere();
  };
  const JobChecker check = [remote](const GenerateOptions& options) -> absl::Status {
    if (remote->connection.is_remote()) {
      return CheckJobThere(options, remote->generate, remote->connection);
    }
    PATCHBAY_RETURN_IF_ERROR(CheckNotRemote(remote->generate));
    return CheckJobHere(options);
  };
  CLI::App* const outpaint = AddOutpaintCommand(
      program, action,
      {DescriberFor(remote->connection), draw, check, open_drawer, ActionsOf(remote->connection)});
  for (CLI::App* const command : {generate, outpaint}) {
    DeclareRemoteGenerateOptions(*command, remote->generate);
  }
  AddConvertCommand(program, action);
  CLI::App* model = AddModelCommand(program, action, DescriberFor(remote->connection));
  AddRemoteModelCommands(*model, action, remote->connection);
  CLI::App* plugin = AddPluginCommand(program, action, PluginsOf(remote->connection));
  AddPluginActionCommands(*plugin, action, PluginsOf(remote->connection),
                          ActionsOf(remote->connection));
  AddRemotePluginCommands(*plugin, action, remote->connection);
  AddPluginWatchCommand(*plugin, action, remote->connection);
  AddJobCommand(program, action, remote->connection);
  AddServeCommand(program, action);
}

}  // namespace patchbay
