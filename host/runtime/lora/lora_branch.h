#ifndef PATCHBAY_HOST_RUNTIME_LORA_LORA_BRANCH_H_
#define PATCHBAY_HOST_RUNTIME_LORA_LORA_BRANCH_H_

#include <ATen/ATen.h>

#include <vector>

#include "host/runtime/lora/lora_file.h"
#include "host/runtime/nn/operator_table.h"
#include "host/runtime/nn/site.h"

namespace patchbay {

// Whether a module is up and down alone, optionally with a Tucker core, and so can run beside the
// weight.
bool IsPlainLora(const LoraModule& module);

// y = original(x) + sum of scale_i up_i(mid_i(down_i(x))): LoRAs beside a linear layer or
// convolution. A convolution's branch has the geometry of the convolution at that call. Immutable
// once its branches have been added; any thread may call Forward.
class LoraBranches : public OperatorPatch {
 public:
  void Add(const LoraModule& module, const Site& site, double strength, at::ScalarType precision,
           at::Device device);

  at::Tensor Forward(const OperatorInput& input,
                     absl::FunctionRef<at::Tensor(const at::Tensor&)> original) const override;

 private:
  struct Branch {
    at::Tensor down;
    at::Tensor mid;  // undefined without a Tucker core
    at::Tensor up;   // the scale is multiplied in
    bool convolution = false;
  };
  static at::Tensor Run(const Branch& branch, const OperatorInput& input);

  std::vector<Branch> branches_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_LORA_LORA_BRANCH_H_
