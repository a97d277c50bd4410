#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_SETTINGS_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_SETTINGS_H_

#include <patchbay/aten.h>

#include <string>
#include <vector>

#include "layer_selection.h"

namespace quantizer {

enum class Scheme { kW8A8, kW8A8Static, kW4A8, kW4A16 };

struct Settings {
  Scheme scheme = Scheme::kW8A8;
  bool rotate = false;
  std::string keep = "conv_in/conv_out/time_embedding/add_embedding";
  patchbay::File plan;
};

void DescribeSettings(patchbay::Description<Settings>& d);

// A linear layer or convolution of the denoiser.
struct DenoiserLayer {
  patchbay::Operator site;
  LayerFacts facts;
};
std::vector<DenoiserLayer> LayersOf(const patchbay::Attach& at);

// Where the denoiser computes.
at::Device DeviceOf(const patchbay::Attach& at);

// The settings' plan: from its file, or one scheme for all layers.
Plan PlanOf(const Settings& settings, const std::string& model);

// Throws patchbay::Error unless the plan is for this model and names layers that it has. what: the
// setting that it came with.
void CheckFits(const Plan& plan, const std::string& model, const std::vector<LayerFacts>& layers,
               const std::string& what = "plan");

// What jobs do with these settings. Throws patchbay::Error, also where a layer cannot do what the
// plan wants.
LayerSelection SelectionOf(const Settings& settings, const patchbay::Attach& at);

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_SETTINGS_H_
