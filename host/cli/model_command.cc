#include "host/cli/model_command.h"

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

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

CLI::App* AddModelCommand(CLI::App& program, CommandAction& action, ModelDescriber describe) {
  const auto options = std::make_shared<ModelOptions>();
  CLI::App* model = program.add_subcommand("model", "Look into models");
  model->require_subcommand(1);

  CLI::App* inspect = model->add_subcommand("inspect", "Say what a checkpoint is and holds");
  inspect
      ->add_option("PATH", options->path,
                   "Diffusers folder or safetensors file; with --host, the name of a model")
      ->required();
  inspect->add_flag("--json", options->json, "Print JSON");
  inspect->callback([&action, options, describe = std::move(describe)] {
    action = [options, describe] { return Print(describe(options->path, options->json)); };
  });

  CLI::App* sites = model->add_subcommand("sites", "List the named places of the denoiser");
  sites->add_option("PATH", options->path, "Diffusers folder or safetensors file")->required();
  sites->callback(
      [&action, options] { action = [options] { return Print(DescribeSites(options->path)); }; });
  return model;
}

}  // namespace patchbay
