#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_CALIBRATE_ACTION_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_CALIBRATE_ACTION_H_

#include <patchbay/aten.h>

#include <vector>

#include "calibration.h"
#include "drawing.h"
#include "settings.h"

namespace quantizer {

struct CalibrateSettings : Drawing {
  patchbay::File plan;
};

// Draws pictures in floating point, looks at what each layer is given, and makes a plan for static
// quantisation: "plan.json". One run; one thread.
class CalibrateAction {
 public:
  static void Describe(patchbay::ActionFields<CalibrateSettings>& d);

  // Hangs what looks on; this object must outlive the attachment.
  void Attach(patchbay::Attach& at);
  // defaults: the plugin's own settings, for what no plan says.
  void Run(const patchbay::Action& action, const CalibrateSettings& settings,
           const Settings& defaults);

 private:
  void Observe(const LayerFacts& layer, const at::Tensor& input);
  void ShowProgress(const patchbay_step& step) const;

  std::vector<LayerFacts> layers_;
  Calibration calibration_;
  int64_t runs_ = 0;  // of the network
  const patchbay::Action* action_ = nullptr;
  int64_t picture_ = 0;
  int64_t pictures_ = 0;
};

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_CALIBRATE_ACTION_H_
