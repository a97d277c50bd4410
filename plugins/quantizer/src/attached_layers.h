#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_ATTACHED_LAYERS_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_ATTACHED_LAYERS_H_

#include <patchbay/aten.h>

#include <cstdint>

#include "layer_selection.h"

namespace quantizer {

// Puts a quantised layer in the place of each that the selection quantises, and lets the host drop
// the weights in floating point. Throws DocumentError when the plan asks for what a layer cannot
// do.
void AttachLayers(patchbay::Attach& at, const LayerSelection& selection);

// Lets the host drop the weight of a layer that was replaced, in whose place integers of so many
// bits and bytes are kept. Where it could not be read again later, it stays.
void Release(const patchbay::Operator& layer, int bits, uint64_t bytes);

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_ATTACHED_LAYERS_H_
