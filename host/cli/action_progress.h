#ifndef PATCHBAY_HOST_CLI_ACTION_PROGRESS_H_
#define PATCHBAY_HOST_CLI_ACTION_PROGRESS_H_

#include <string>

namespace patchbay {

// Shows how far an action is on standard error: a bar on a terminal; elsewhere a line for each
// tenth of the way. One thread at a time.
class ActionProgress {
 public:
  ActionProgress();
  // Ends the line.
  ~ActionProgress();
  ActionProgress(const ActionProgress&) = delete;
  ActionProgress& operator=(const ActionProgress&) = delete;

  // fraction: 0 to 1.
  void Show(double fraction, const std::string& activity);

 private:
  const bool terminal_;
  bool line_open_ = false;
  int shown_tenth_ = -1;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_ACTION_PROGRESS_H_
