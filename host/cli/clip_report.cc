#include "host/cli/clip_report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace patchbay {
namespace {

double SecondsPerFrame(const ClipReport& report) {
  return (report.total_seconds - report.adapt_seconds) /
         static_cast<double>(std::max<int64_t>(report.frames, 1));
}

void PrintJson(const ClipReport& report) {
  const GenerationReport& job = report.of_last_job;
  const nlohmann::ordered_json json = {
      {"seed", report.seed},
      {"size", {report.size.width, report.size.height}},
      {"frames", report.frames},
      {"frame_rate", {report.rate.numerator, report.rate.denominator}},
      {"jobs", report.jobs},
      {"sampler", job.sampler},
      {"schedule", job.schedule},
      {"seconds_per_frame", SecondsPerFrame(report)},
      {"load_seconds", report.load_seconds},
      {"adapt_seconds", report.adapt_seconds},
      {"total_seconds", report.total_seconds},
      {"weight_bytes", job.weight_bytes},
      {"peak_bytes", report.peak_memory_bytes},
      {"plugins", job.plugins},
      {"warnings", report.warnings},
      {"files", {report.file}}};
  std::printf("%s\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

}  // namespace

void PrintClipReport(const ClipReport& report, bool json) {
  if (json) return PrintJson(report);
  for (const std::string& warning : report.warnings) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  std::printf("%s  (%lld frame%s, seed %llu, %.1f s, %.2f s a frame)\n", report.file.c_str(),
              static_cast<long long>(report.frames), report.frames == 1 ? "" : "s",
              static_cast<unsigned long long>(report.seed), report.total_seconds,
              SecondsPerFrame(report));
}

}  // namespace patchbay
