#ifndef PATCHBAY_HOST_RUNTIME_LORA_LORA_SET_H_
#define PATCHBAY_HOST_RUNTIME_LORA_LORA_SET_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/runtime/checkpoint/checkpoint.h"
#include "host/runtime/checkpoint/weight_reader.h"
#include "host/runtime/lora/lora_file.h"
#include "host/runtime/nn/operator_table.h"
#include "host/runtime/nn/site.h"

namespace patchbay {

// A LoRA file and how strongly it is applied: 1 is its author's strength, 0 none, negative
// reverses.
struct WeightedLora {
  std::string path;
  double unet_weight = 1.0;
  double text_weight = 1.0;
};

// Several LoRAs for one model, matched to its modules. They are applied in the order given, by
// changing weights while the model is being read (exact, no cost later) or as side branches of a
// loaded model (no second copy of its weights; 2 rank (in + out) multiplications more for each
// token). Immutable; any thread may read.
class LoraSet {
 public:
  // Opens and matches the files. INVALID_ARGUMENT when a file is no LoRA, fits no module of this
  // model, or changes a weight of another shape, which is what a LoRA for another family does; the
  // message names the file, the module and both shapes.
  static absl::StatusOr<LoraSet> Open(absl::Span<const WeightedLora> loras,
                                      const Checkpoint& checkpoint);

  bool empty() const { return changes_.empty(); }
  // Modules and tensors of the files that were not used, one message for each file that has any.
  const std::vector<std::string>& warnings() const { return warnings_; }

  // Makes the reader of this component apply the LoRAs, in fp32. The reader must not outlive the
  // set.
  void MergeInto(LoraComponent component, WeightReader& weights) const;

  // The LoRAs as side branches of a loaded component, whose sites are `sites`. `scale` multiplies
  // all weights. UNIMPLEMENTED, naming the module, when one is not a plain low-rank product (LoHa,
  // LoKr, DoRA, whole differences): those can only be merged.
  absl::StatusOr<OperatorTable> SideBranches(LoraComponent component, const SiteTable& sites,
                                             at::ScalarType precision, at::Device device,
                                             double scale = 1.0) const;

 private:
  // One module of one file on one module of the model.
  struct Change {
    std::shared_ptr<const LoraModule> module;
    double strength = 1.0;
  };

  absl::Status Add(const LoraFile& file, const WeightedLora& lora, const Checkpoint& checkpoint);

  // By component, then by the module's path in diffusers.
  std::map<LoraComponent, std::map<std::string, std::vector<Change>>> changes_;
  std::vector<std::string> warnings_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_LORA_LORA_SET_H_
