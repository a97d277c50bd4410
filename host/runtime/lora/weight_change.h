#ifndef PATCHBAY_HOST_RUNTIME_LORA_WEIGHT_CHANGE_H_
#define PATCHBAY_HOST_RUNTIME_LORA_WEIGHT_CHANGE_H_

#include <ATen/ATen.h>

#include <string>

#include "host/runtime/lora/lora_file.h"

namespace patchbay {

// What the file's author scaled the product by: alpha / rank, or 1 where nothing is said.
double LoraScale(const LoraModule& module);

// Whether the module changes the weight; some change the bias only.
bool ChangesWeight(const LoraModule& module);

// Why the module cannot change a weight of this shape; empty when it can. Looks at shapes only.
std::string ShapeComplaint(const LoraModule& module, at::IntArrayRef weight);

// The weight with the module applied at `strength`, in fp32; same shape. With DoRA the weight's
// direction and magnitude both change: W + strength (m V / |V| - W), V = W + the product, the norm
// being taken as PEFT and LyCORIS take it, of V.
at::Tensor ChangedWeight(const LoraModule& module, const at::Tensor& weight, double strength);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_LORA_WEIGHT_CHANGE_H_
