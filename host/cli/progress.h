#ifndef PATCHBAY_HOST_CLI_PROGRESS_H_
#define PATCHBAY_HOST_CLI_PROGRESS_H_

#include <string>
#include <vector>

#include "host/engine/engine.h"

namespace patchbay {

// One of the jobs that paint a picture in several rounds, all of the same length.
struct PaintingRound {
  int index = 0;
  int count = 1;
  bool is_last() const { return index + 1 == count; }
};

// Shows a job's progress on standard error: a bar with step time and time left on a terminal, a
// plain line for each tenth of the way elsewhere. Asks for the job's end after Ctrl-C.
class ProgressDisplay final : public GenerationObserver {
 public:
  // quiet: show nothing (for --json). preview_file: a PNG file that is written anew after each
  // step, the batch's first picture; empty for none. round: steps are counted over all of them.
  ProgressDisplay(bool quiet, std::string preview_file, const PaintingRound& round = {});
  ~ProgressDisplay() override;

  void OnStep(int pass, int step, int steps, double seconds) override;
  bool WantsPreview() override { return !preview_file_.empty(); }
  void OnPreview(const std::vector<Picture>& pictures) override;
  bool IsCancelled() override;

 private:
  bool quiet_;
  std::string preview_file_;
  PaintingRound round_;
  bool terminal_;
  bool line_open_ = false;
  double pass_seconds_ = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_PROGRESS_H_
