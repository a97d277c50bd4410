#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_SAFETENSORS_BYTES_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_SAFETENSORS_BYTES_H_

#include <ATen/ATen.h>

#include <map>
#include <string>

namespace quantizer {

// A safetensors file with these tensors, of fp32, int8 and uint8, and these texts as metadata.
std::string SafetensorsBytes(const std::map<std::string, at::Tensor>& tensors,
                             const std::map<std::string, std::string>& metadata);

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_SAFETENSORS_BYTES_H_
