#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_ATTACHED_LAYERS_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_ATTACHED_LAYERS_H_

#include <patchbay/aten.h>

#include "layer_selection.h"

namespace quantizer {

// Puts a quantised layer in the place of each that the selection quantises, and lets the host drop
// the weights in floating point. Throws DocumentError when the plan asks for what a layer cannot
// do.
void AttachLayers(patchbay::Attach& at, const LayerSelection& selection);

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_ATTACHED_LAYERS_H_
