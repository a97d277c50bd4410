#include "host/cli/commands.h"
#include "host/cli/convert_command.h"
#include "host/cli/model_command.h"
#include "host/cli/outpaint_command.h"
#include "host/cli/plugin_action_command.h"
#include "host/cli/plugin_command.h"
#include "host/engine/engine.h"

namespace patchbay {

void AddCommands(CLI::App& program, CommandAction& action) {
  AddGenerateCommand(program, action, GenerateHere);
  AddOutpaintCommand(
      program, action,
      {DescribeLocalModel, GenerateHere, CheckJobHere, OpenDrawerHere, RunActionHere});
  AddConvertCommand(program, action);
  AddModelCommand(program, action, DescribeLocalModel);
  CLI::App* plugin = AddPluginCommand(program, action, PluginsHere());
  AddPluginActionCommands(*plugin, action, PluginsHere(), RunActionHere);
}

}  // namespace patchbay
