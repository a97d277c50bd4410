#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_INTEGER_PRODUCT_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_INTEGER_PRODUCT_H_

#include "packed_weight.h"
#include "quantized_input.h"

namespace quantizer {

// output[row][o] = the row's inputs times the weights of output o, plus its bias, summed in 32-bit
// integers and turned to numbers once. A convolution reads its windows where they lie; no matrix of
// windows is made. output: [input.rows(), weight.outputs()] without gaps. Runs on LibTorch's
// threads.
void IntegerProduct(const QuantizedInput& input, const PackedWeight& weight, void* output,
                    Element element);

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_INTEGER_PRODUCT_H_
