#include "host/cli/generate_command.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/base/file_writer.h"
#include "host/base/status_macros.h"
#include "host/cli/interrupt.h"
#include "host/cli/job_drawer.h"
#include "host/cli/output_files.h"
#include "host/engine/engine.h"
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

}  // namespace

absl::Status GenerateHere(GenerateOptions& options) {
  PATCHBAY_RETURN_IF_ERROR(CheckOutputPaths(options));
  PATCHBAY_ASSIGN_OR_RETURN(const std::unique_ptr<JobDrawer> drawer, OpenDrawerHere());
  PATCHBAY_ASSIGN_OR_RETURN(DrawnJob drawn, drawer->Draw(options));
  GenerationResult& result = drawn.result;

  std::vector<std::string> files;
  PATCHBAY_RETURN_IF_ERROR(SavePictures(result, options.output_file, files));
  if (result.latent.has_value()) {
    PATCHBAY_RETURN_IF_ERROR(SaveLatent(*result.latent, options.save_latent_file));
  }
  if (!options.round.is_last()) return absl::OkStatus();
  for (std::string& unused : UnusedOptions(options)) {
    result.report.warnings.push_back(std::move(unused));
  }
  PrintReport(result.report, drawn.load_seconds, files, options.json);
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
