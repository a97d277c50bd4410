#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_TRIAL_DENOISER_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_TRIAL_DENOISER_H_

#include <patchbay/aten.h>

#include <memory>
#include <string>
#include <vector>

#include "settings.h"
#include "trial_layer.h"

namespace quantizer {

// The denoiser of an action, any of whose layers can compute with fewer bits for a while. One
// thread.
class TrialDenoiser {
 public:
  enum class Mode { kExact, kQuantizedWeight, kQuantizedInput, kQuantized };

  struct Layer {
    LayerFacts facts;
    int64_t inputs = 0;  // numbers that it has been given for one picture; 0 before it has run
    Mode mode = Mode::kExact;
    int bits = 8;
    std::unique_ptr<const TrialLayer> trial;
  };

  // Takes the layers that the settings quantise; a plan of theirs is left alone. Weights are packed
  // here. This object must outlive the attachment.
  void Attach(patchbay::Attach& at, const Settings& settings);

  std::vector<std::unique_ptr<Layer>>& layers() { return layers_; }
  // Of all that the model has, also those that are not taken.
  const std::vector<LayerFacts>& facts() const { return facts_; }
  // All layers compute as they do without the plugin.
  void Reset();

 private:
  void Hang(const patchbay::Operator& site, Layer& layer);

  std::vector<LayerFacts> facts_;
  std::vector<std::unique_ptr<Layer>> layers_;
};

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_TRIAL_DENOISER_H_
