#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_ALLOCATE_ACTION_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_ALLOCATE_ACTION_H_

#include <patchbay/aten.h>

#include <string>
#include <vector>

#include "drawing.h"
#include "plan_allocation.h"
#include "trial_denoiser.h"

namespace quantizer {

struct AllocateSettings : Drawing {
  AllocateSettings() {
    pictures = 2;
    steps = 8;
  }
  patchbay::File sensitivity;
  patchbay::File plan;
  double weights = 6;
  double activations = 8;
  double ratio = 0;
};

// Chooses each layer's bits within a budget: "plan.json". How the budget is shared between content
// and quality layers is tried out: the share whose pictures are nearest to full precision's is
// taken. One run; one thread.
class AllocateAction {
 public:
  static void Describe(patchbay::ActionFields<AllocateSettings>& d);

  // This object must outlive the attachment.
  void Attach(patchbay::Attach& at, const Settings& settings);
  // defaults: the plugin's own settings; their plan is refined where the action is given none.
  void Run(const patchbay::Action& action, const AllocateSettings& settings,
           const Settings& defaults);

 private:
  // The pictures of a plan; of none: full precision's.
  std::vector<at::Tensor> Draw(const patchbay::Action& action, const AllocateSettings& settings,
                               const Plan* plan);
  Plan Best(const patchbay::Action& action, const AllocateSettings& settings,
            const std::vector<Plan>& plans);

  TrialDenoiser denoiser_;
  int64_t drawn_ = 0;
  int64_t to_draw_ = 0;
};

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_ALLOCATE_ACTION_H_
