#include "host/cli/output_files.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "host/base/file_writer.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

absl::Status CheckFile(const std::string& option, const std::string& path) {
  const absl::Status status = CheckWritable(path);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(option, ": ", status.message()));
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
                                       {"weight_bytes", report.weight_bytes},
                                       {"peak_bytes", report.peak_memory_bytes},
                                       {"plugins", report.plugins},
                                       {"warnings", report.warnings},
                                       {"files", files}};
  std::printf("%s\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

}  // namespace

absl::StatusOr<PictureFormat> OutputFormat(const std::string& path) {
  const std::optional<PictureFormat> format = PictureFormatOfFile(path);
  if (format.has_value()) return *format;
  return absl::InvalidArgumentError(
      absl::StrCat("-o ", path, ": the name must end in .png, .jpg or .webp"));
}

absl::Status CheckOutputPaths(const GenerateOptions& options) {
  PATCHBAY_RETURN_IF_ERROR(OutputFormat(options.output_file).status());
  const auto batch = static_cast<size_t>(std::max(options.request.batch, 1));
  if (!options.request.without_pictures) {
    const std::string last = NumberedPath(options.output_file, batch - 1, batch);
    PATCHBAY_RETURN_IF_ERROR(CheckFile("-o", last));
  }
  if (options.save_latent_file.empty()) return absl::OkStatus();
  return CheckFile("--save-latent", options.save_latent_file);
}

std::string NumberedPath(const std::string& path, size_t index, size_t count) {
  if (count == 1) return path;
  const fs::path given(path);
  return (given.parent_path() /
          absl::StrCat(given.stem().string(), "-", index + 1, given.extension().string()))
      .string();
}

void PrintReport(const GenerationReport& report, double load_seconds,
                 const std::vector<std::string>& files, bool json) {
  if (json) return PrintJson(report, load_seconds, files);
  for (const std::string& warning : report.warnings) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  for (const std::string& file : files) {
    std::printf("%s  (seed %llu, %.1f s)\n", file.c_str(),
                static_cast<unsigned long long>(report.seed), report.total_seconds);
  }
}

}  // namespace patchbay
