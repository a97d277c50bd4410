#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_GENERATION_OBSERVER_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_GENERATION_OBSERVER_H_

namespace patchbay {

// Told about a job while it runs, on the thread that runs it.
class GenerationObserver {
 public:
  virtual ~GenerationObserver() = default;
  // After each step: `step` of `steps` (from 1) of pass number `pass` (from 0) is done.
  virtual void OnStep(int pass, int step, int steps, double seconds) = 0;
  // Asked before each run of the denoiser; true ends the job with CANCELLED.
  virtual bool IsCancelled() = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_GENERATION_OBSERVER_H_
