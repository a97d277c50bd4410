#include "host/cli/progress.h"

#include <unistd.h>

#include <cstdio>
#include <string>

#include "host/cli/interrupt.h"

namespace patchbay {
namespace {

constexpr int kBarWidth = 30;

std::string Bar(int step, int steps) {
  const int filled = kBarWidth * step / steps;
  return std::string(static_cast<size_t>(filled), '#') +
         std::string(static_cast<size_t>(kBarWidth - filled), '.');
}

}  // namespace

ProgressDisplay::ProgressDisplay(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO)) {}

ProgressDisplay::~ProgressDisplay() {
  if (line_open_) std::fputc('\n', stderr);
}

void ProgressDisplay::OnStep(int pass, int step, int steps, double seconds) {
  if (quiet_) return;
  pass_seconds_ = step == 1 ? seconds : pass_seconds_ + seconds;
  const double left = pass_seconds_ / step * (steps - step);
  const char* name = pass == 0 ? "" : "hires ";
  if (terminal_) {
    std::fprintf(stderr, "\r%s[%s] %d/%d  %.2f s/step  %.0f s left ", name,
                 Bar(step, steps).c_str(), step, steps, pass_seconds_ / step, left);
    line_open_ = step < steps;
    if (!line_open_) std::fputc('\n', stderr);
  } else if (step == steps || step * 10 / steps > (step - 1) * 10 / steps) {
    std::fprintf(stderr, "%sstep %d of %d, %.2f s each, %.0f s left\n", name, step, steps,
                 pass_seconds_ / step, left);
  }
  std::fflush(stderr);
}

bool ProgressDisplay::IsCancelled() { return WasInterrupted(); }

}  // namespace patchbay
