#ifndef PATCHBAY_PLUGINS_SAFETENSORS_SRC_SAFETENSORS_BYTES_H_
#define PATCHBAY_PLUGINS_SAFETENSORS_SRC_SAFETENSORS_BYTES_H_

#include <ATen/ATen.h>

#include <map>
#include <string>

namespace safetensors {

// A safetensors file with these tensors, of fp32, int8 and uint8, and these texts as metadata.
std::string SafetensorsBytes(const std::map<std::string, at::Tensor>& tensors,
                             const std::map<std::string, std::string>& metadata);

}  // namespace safetensors

#endif  // PATCHBAY_PLUGINS_SAFETENSORS_SRC_SAFETENSORS_BYTES_H_
