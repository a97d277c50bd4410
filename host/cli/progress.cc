#include "host/cli/progress.h"

#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>

#include "host/base/file_writer.h"
#include "host/cli/interrupt.h"
#include "host/formats/picture.h"

namespace patchbay {
namespace {

constexpr int kBarWidth = 30;

std::string Bar(int step, int steps) {
  const int filled = kBarWidth * step / steps;
  return std::string(static_cast<size_t>(filled), '#') +
         std::string(static_cast<size_t>(kBarWidth - filled), '.');
}

}  // namespace

ProgressDisplay::ProgressDisplay(bool quiet, std::string preview_file, const PaintingRound& round)
    : quiet_(quiet),
      preview_file_(std::move(preview_file)),
      round_(round),
      terminal_(isatty(STDERR_FILENO)) {}

ProgressDisplay::~ProgressDisplay() {
  if (line_open_) std::fputc('\n', stderr);
}

void ProgressDisplay::OnStep(int pass, int step, int steps, double seconds) {
  if (quiet_) return;
  pass_seconds_ = step == 1 ? seconds : pass_seconds_ + seconds;
  const double each = pass_seconds_ / step;
  step += round_.index * steps;
  steps *= round_.count;
  const double left = each * (steps - step);
  const char* name = pass == 0 ? "" : "hires ";
  if (terminal_) {
    std::fprintf(stderr, "\r%s[%s] %d/%d  %.2f s/step  %.0f s left ", name,
                 Bar(step, steps).c_str(), step, steps, each, left);
    line_open_ = step < steps;
    if (!line_open_) std::fputc('\n', stderr);
  } else if (step == steps || step * 10 / steps > (step - 1) * 10 / steps) {
    std::fprintf(stderr, "%sstep %d of %d, %.2f s each, %.0f s left\n", name, step, steps, each,
                 left);
  }
  std::fflush(stderr);
}

// A preview that cannot be written is no reason to lose the picture: it is said once, and no more
// are made.
void ProgressDisplay::OnPreview(const std::vector<Picture>& pictures) {
  const absl::StatusOr<std::string> png = EncodePng(pictures.front());
  const absl::Status status = png.ok() ? WriteFileAtomically(preview_file_, {*png}) : png.status();
  if (status.ok()) return;
  std::fprintf(stderr, "warning: no previews: %s\n", std::string(status.message()).c_str());
  preview_file_.clear();
}

bool ProgressDisplay::IsCancelled() { return WasInterrupted(); }

}  // namespace patchbay
