#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_STORE_ACTION_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_STORE_ACTION_H_

#include <patchbay/aten.h>

#include <string>
#include <vector>

#include "quantized_layer.h"
#include "settings.h"

namespace quantizer {

struct StoreSettings {};

// Gives the layers that the plugin's settings quantise as files with their integers, of which
// `patchbay model quantize` makes a model's file, and the plan that says how they compute.
class StoreAction {
 public:
  static void Describe(patchbay::ActionFields<StoreSettings>& d);
  void Attach(patchbay::Attach& at, const Settings& settings);
  void Run(const patchbay::Action& action);

 private:
  struct Layer {
    std::string diffusers_name;
    std::vector<int64_t> shape;
    PlannedLayer planned;
    std::vector<StoredWeight> parts;
  };
  std::vector<Layer> layers_;
  Plan plan_;
};

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_STORE_ACTION_H_
