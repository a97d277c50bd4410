#include "host/cli/generate_command.h"

#include <sys/resource.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "host/base/file_writer.h"
#include "host/base/status_macros.h"
#include "host/cli/generate_options.h"
#include "host/cli/progress.h"
#include "host/formats/picture.h"
#include "host/formats/safetensors.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

using Metadata = std::map<std::string, std::string>;

// "out.png" for one picture; "out-1.png", "out-2.png" ... for several.
std::string NumberedPath(const std::string& path, size_t index, size_t count) {
  if (count == 1) return path;
  const fs::path given(path);
  return (given.parent_path() /
          absl::StrCat(given.stem().string(), "-", index + 1, given.extension().string()))
      .string();
}

absl::StatusOr<std::string> Encode(const Picture& picture, const Metadata& metadata,
                                   const std::string& path) {
  const std::string extension = absl::AsciiStrToLower(fs::path(path).extension().string());
  if (extension == ".png") return EncodePng(picture, metadata);
  const auto parameters = metadata.find("parameters");
  const std::string comment = parameters == metadata.end() ? "" : parameters->second;
  if (extension == ".jpg" || extension == ".jpeg") return EncodeJpeg(picture, 95, comment);
  if (extension == ".webp") return EncodeWebp(picture, 95, comment);
  return absl::InvalidArgumentError(
      absl::StrCat("-o ", path, ": the name must end in .png, .jpg or .webp"));
}

absl::Status CheckFolderOf(const std::string& option, const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  std::error_code ignored;
  if (folder.empty() || fs::is_directory(folder, ignored)) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat(option, " ", path, ": there is no folder ", folder.string()));
}

// Before minutes are spent on what could not be saved.
absl::Status CheckOutputPaths(const GenerateOptions& options) {
  PATCHBAY_RETURN_IF_ERROR(Encode({1, 1, 3, {0, 0, 0}}, {}, options.output_file).status());
  PATCHBAY_RETURN_IF_ERROR(CheckFolderOf("-o", options.output_file));
  return CheckFolderOf("--save-latent", options.save_latent_file);
}

absl::Status SavePictures(const GenerationResult& result, const std::string& path,
                          std::vector<std::string>& written) {
  const size_t count = result.pictures.size();
  for (size_t i = 0; i < count; ++i) {
    const std::string file = NumberedPath(path, i, count);
    PATCHBAY_ASSIGN_OR_RETURN(const std::string bytes,
                              Encode(result.pictures[i], result.metadata[i], file));
    PATCHBAY_RETURN_IF_ERROR(WriteFileAtomically(file, {bytes}));
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

// The largest amount of memory that this process has held, in bytes.
int64_t PeakBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

void PrintJson(const GenerationReport& report, double load_seconds,
               const std::vector<std::string>& files) {
  const nlohmann::ordered_json json = {{"seed", report.seed},
                                       {"size", {report.size.width, report.size.height}},
                                       {"sampler", report.sampler},
                                       {"schedule", report.schedule},
                                       {"step_seconds", report.step_seconds},
                                       {"load_seconds", load_seconds},
                                       {"text_seconds", report.text_seconds},
                                       {"vae_seconds", report.vae_seconds},
                                       {"total_seconds", report.total_seconds},
                                       {"peak_bytes", PeakBytes()},
                                       {"warnings", report.warnings},
                                       {"files", files}};
  std::printf("%s\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

absl::Status Run(GenerateOptions& options) {
  PATCHBAY_RETURN_IF_ERROR(CheckOutputPaths(options));
  PATCHBAY_RETURN_IF_ERROR(CompleteGenerateOptions(options));
  PATCHBAY_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options.engine));
  absl::StatusOr<GenerationResult> result;
  {
    ProgressDisplay progress(options.json, options.preview_file);
    result = engine->Generate(options.request, progress);
  }
  if (!result.ok()) return result.status();

  std::vector<std::string> files;
  PATCHBAY_RETURN_IF_ERROR(SavePictures(*result, options.output_file, files));
  if (result->latent.has_value()) {
    PATCHBAY_RETURN_IF_ERROR(SaveLatent(*result->latent, options.save_latent_file));
  }
  if (options.json) {
    PrintJson(result->report, engine->load_seconds(), files);
    return absl::OkStatus();
  }
  for (const std::string& warning : result->report.warnings) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  for (const std::string& file : files) {
    std::printf("%s  (seed %llu, %.1f s)\n", file.c_str(),
                static_cast<unsigned long long>(result->report.seed), result->report.total_seconds);
  }
  return absl::OkStatus();
}

}  // namespace

void AddGenerateCommand(CLI::App& program, CommandAction& action) {
  const auto options = std::make_shared<GenerateOptions>();
  CLI::App* command = program.add_subcommand("generate", "Draw pictures from a prompt");
  DeclareGenerateOptions(*command, *options);
  command->callback([&action, options] { action = [options] { return Run(*options); }; });
}

}  // namespace patchbay
