#ifndef PATCHBAY_HOST_CLI_PROGRESS_H_
#define PATCHBAY_HOST_CLI_PROGRESS_H_

#include "host/engine/engine.h"

namespace patchbay {

// Shows a job's progress on standard error: a bar with step time and time left on a terminal, a
// plain line for each tenth of the way elsewhere. Asks for the job's end after Ctrl-C.
class ProgressDisplay final : public GenerationObserver {
 public:
  // quiet: show nothing (for --json).
  explicit ProgressDisplay(bool quiet);
  ~ProgressDisplay() override;

  void OnStep(int pass, int step, int steps, double seconds) override;
  bool IsCancelled() override;

 private:
  bool quiet_;
  bool terminal_;
  bool line_open_ = false;
  double pass_seconds_ = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_PROGRESS_H_
