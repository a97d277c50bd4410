#include "host/cli/model_command.h"

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "host/base/status_macros.h"
#include "host/cli/model_quantize_command.h"
#include "host/cli/resources.h"
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

absl::Status ListSites(const ModelOptions& options) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::string path, ModelPathOrDefault(options.path));
  return Print(DescribeSites(path));
}

}  // namespace

absl::StatusOr<std::string> DescribeLocalModel(const std::string& path, bool json) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::string model, ModelPathOrDefault(path));
  return DescribeModel(model, json);
}

CLI::App* AddModelCommand(CLI::App& program, CommandAction& action, ModelDescriber describe) {
  const auto options = std::make_shared<ModelOptions>();
  CLI::App* model = program.add_subcommand("model", "Look into models and quantise them");
  model->require_subcommand(1);

  CLI::App* inspect = model->add_subcommand("inspect", "Say what a checkpoint is and holds");
  inspect->add_option(
      "PATH", options->path,
      "Diffusers folder, safetensors or GGUF file, by default the model that comes with "
      "the program; with --host, a model's name, by default the server's own choice");
  inspect->add_flag("--json", options->json, "Print JSON");
  inspect->callback([&action, options, describe = std::move(describe)] {
    action = [options, describe] { return Print(describe(options->path, options->json)); };
  });

  CLI::App* sites = model->add_subcommand("sites", "List the named places of the denoiser");
  sites->add_option(
      "PATH", options->path,
      "Diffusers folder, safetensors or GGUF file, by default the model that comes with the "
      "program");
  sites->callback([&action, options] { action = [options] { return ListSites(*options); }; });
  AddModelQuantizeCommand(*model, action);
  return model;
}

}  // namespace patchbay
