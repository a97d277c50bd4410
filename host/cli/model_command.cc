#include "host/cli/model_command.h"

#include <cstdio>
#include <memory>
#include <string>

#include "host/base/status_macros.h"
#include "host/engine/engine.h"

namespace patchbay {
namespace {

struct ModelOptions {
  std::string path;
  bool json = false;
};

absl::Status Print(const absl::StatusOr<std::string>& text) {
  if (!text.ok()) return text.status();
  std::fputs(text->c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace

void AddModelCommand(CLI::App& program, CommandAction& action) {
  const auto options = std::make_shared<ModelOptions>();
  CLI::App* model = program.add_subcommand("model", "Look into a model");
  model->require_subcommand(1);

  CLI::App* inspect = model->add_subcommand("inspect", "Say what a checkpoint is and holds");
  inspect->add_option("PATH", options->path, "Diffusers folder or safetensors file")->required();
  inspect->add_flag("--json", options->json, "Print JSON");
  inspect->callback([&action, options] {
    action = [options] { return Print(DescribeModel(options->path, options->json)); };
  });

  CLI::App* sites = model->add_subcommand("sites", "List the named places of the denoiser");
  sites->add_option("PATH", options->path, "Diffusers folder or safetensors file")->required();
  sites->callback(
      [&action, options] { action = [options] { return Print(DescribeSites(options->path)); }; });
}

}  // namespace patchbay
