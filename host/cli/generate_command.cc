#include "host/cli/generate_command.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/base/file_writer.h"
#include "host/base/status_macros.h"
#include "host/cli/interrupt.h"
#include "host/cli/output_files.h"
#include "host/cli/plugin_files.h"
#include "host/cli/progress.h"
#include "host/cli/resources.h"
#include "host/engine/engine.h"
#include "host/engine/plugin_access.h"
#include "host/formats/safetensors.h"

namespace patchbay {
namespace {

absl::Status SavePictures(const GenerationResult& result, const std::string& path,
                          std::vector<std::string>& written) {
  PATCHBAY_ASSIGN_OR_RETURN(const PictureFormat format, OutputFormat(path));
  const size_t count = result.pictures.size();
  std::vector<std::string> encoded;
  for (size_t i = 0; i < count; ++i) {
    // Large pictures take a while, and then all of them are written or none.
    if (WasInterrupted()) return absl::CancelledError("cancelled");
    PATCHBAY_ASSIGN_OR_RETURN(encoded.emplace_back(),
                              EncodePicture(result.pictures[i], result.metadata[i], format));
  }
  if (WasInterrupted()) return absl::CancelledError("cancelled");
  for (size_t i = 0; i < count; ++i) {
    const std::string file = NumberedPath(path, i, count);
    PATCHBAY_RETURN_IF_ERROR(WriteFileAtomically(file, {encoded[i]}));
    written.push_back(file);
  }
  return absl::OkStatus();
}

absl::Status SaveLatent(const LatentBuffer& latent, const std::string& path) {
  SafetensorsTensor tensor;
  tensor.type = ElementType::kFloat32;
  tensor.shape = latent.shape;
  tensor.bytes = absl::MakeConstSpan(reinterpret_cast<const std::byte*>(latent.values.data()),
                                     latent.values.size() * sizeof(float));
  return WriteSafetensors(path, {{"latent", tensor}});
}

// Turns the paths in the plugins' settings into names and sees to it that the files will do, before
// gigabytes are read.
absl::Status ReadyPluginFiles(const PluginHost& plugins, GenerationRequest& request) {
  const auto show = [&plugins](const std::string& id) { return FindPlugin(plugins, id); };
  PATCHBAY_RETURN_IF_ERROR(NamePluginFiles(show, /*has_server=*/false, request));
  return CheckPluginFiles(plugins, request.plugins, request.plugin_files);
}

}  // namespace

absl::Status GenerateHere(GenerateOptions& options) {
  PATCHBAY_RETURN_IF_ERROR(CheckOutputPaths(options));
  PATCHBAY_RETURN_IF_ERROR(CompleteRequest(options));
  EngineOptions engine_options = CompleteEngineOptions(options.engine);
  PATCHBAY_ASSIGN_OR_RETURN(engine_options.model_path, ModelPathOrDefault(options.model));
  std::vector<std::string> folders = options.plugin_folders;
  folders.push_back(BuiltPluginsFolder());
  PATCHBAY_ASSIGN_OR_RETURN(engine_options.plugins,
                            OpenPlugins({.folders = std::move(folders), .store = ""}));
  PATCHBAY_RETURN_IF_ERROR(ReadyPluginFiles(*engine_options.plugins, options.request));
  PATCHBAY_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(engine_options));
  absl::StatusOr<GenerationResult> result;
  {
    ProgressDisplay progress(options.json, options.preview_file, options.round);
    result = engine->Generate(options.request, progress);
  }
  if (!result.ok()) return result.status();

  std::vector<std::string> files;
  PATCHBAY_RETURN_IF_ERROR(SavePictures(*result, options.output_file, files));
  if (result->latent.has_value()) {
    PATCHBAY_RETURN_IF_ERROR(SaveLatent(*result->latent, options.save_latent_file));
  }
  if (!options.round.is_last()) return absl::OkStatus();
  for (std::string& unused : UnusedOptions(options)) {
    result->report.warnings.push_back(std::move(unused));
  }
  PrintReport(result->report, engine->load_seconds(), files, options.json);
  return absl::OkStatus();
}

CLI::App* AddGenerateCommand(CLI::App& program, CommandAction& action, GenerateRunner runner) {
  const auto options = std::make_shared<GenerateOptions>();
  CLI::App* command = program.add_subcommand("generate", "Draw pictures from a prompt");
  DeclareGenerateOptions(*command, *options);
  command->callback([&action, options, runner = std::move(runner)] {
    action = [options, runner] { return runner(*options); };
  });
  return command;
}

}  // namespace patchbay
