#ifndef PATCHBAY_HOST_CLI_CLIP_REPORT_H_
#define PATCHBAY_HOST_CLI_CLIP_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "host/engine/engine.h"
#include "host/formats/frames.h"

namespace patchbay {

// What is said of a clip that has been painted.
struct ClipReport {
  GenerationReport of_last_job;
  uint64_t seed = 0;
  PictureSize size;
  FrameRate rate;
  int64_t frames = 0;
  int jobs = 0;
  double load_seconds = 0;
  double adapt_seconds = 0;
  double total_seconds = 0;
  uint64_t peak_memory_bytes = 0;  // the largest of the jobs
  std::vector<std::string> warnings;
  std::string file;
};

// One JSON object, or a line and the warnings.
void PrintClipReport(const ClipReport& report, bool json);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_CLIP_REPORT_H_
