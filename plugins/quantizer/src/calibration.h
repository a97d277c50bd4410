#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_CALIBRATION_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_CALIBRATION_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kernel.h"
#include "layer_selection.h"

namespace quantizer {

// What a denoiser's layers are given while pictures are drawn, for static quantisation (MixDQ,
// arXiv:2405.17873). A batch is one run of the network: what a layer is given in several calls
// within it belongs together. One thread at a time.
class Calibration {
 public:
  // x: the layer's input, [..., channels] or, behind a skip connection, [B, channels, H, W]; the
  // channels from skip_split on have a range of their own (0: none). run: counts the network's
  // runs. Throws c10::Error that names the layer when a number is not finite.
  void Observe(const std::string& layer, int64_t skip_split, const at::Tensor& x, int64_t run);

  // The layers with 8-bit activations that `selection` quantises, each with its range over all
  // runs. They are taken in an order that depends on `seed` only: in the order of drawing the last
  // picture's steps would count for nearly everything. Rotated layers get no range, and neither
  // do those that were never run. Other layers are as the selection has them.
  Plan PlanFor(const LayerSelection& selection, const std::vector<LayerFacts>& layers,
               uint64_t seed) const;

 private:
  struct Batches {
    int64_t last_run = -1;
    std::vector<Range> below;
    std::vector<Range> skip;
  };

  std::map<std::string, Batches> layers_;
};

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_CALIBRATION_H_
