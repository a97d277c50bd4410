#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_GENERATION_OBSERVER_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_GENERATION_OBSERVER_H_

#include <vector>

#include "host/formats/picture.h"

namespace patchbay {

// Told about a job while it runs, on the thread that runs it.
class GenerationObserver {
 public:
  virtual ~GenerationObserver() = default;
  // After each step: `step` of `steps` (from 1) of pass number `pass` (from 0) is done.
  virtual void OnStep(int pass, int step, int steps, double seconds) = 0;
  // Asked after each step: whether the state should be shown. Then `pictures`, one for each of the
  // batch, are what the denoiser takes the pictures to be, an eighth of their size or larger.
  virtual bool WantsPreview() { return false; }
  virtual void OnPreview(const std::vector<Picture>& pictures) { static_cast<void>(pictures); }
  // Asked before each run of the denoiser, between the autoencoder's blocks and before the result
  // is given; true ends the job with CANCELLED.
  virtual bool IsCancelled() = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_GENERATION_OBSERVER_H_
