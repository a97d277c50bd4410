#ifndef PATCHBAY_HOST_RUNTIME_LORA_LORA_FILE_H_
#define PATCHBAY_HOST_RUNTIME_LORA_LORA_FILE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {

// What one tensor of a low-rank adaptation is for, whatever the file calls it.
enum class LoraRole {
  kDown,     // lora_down, lora_A: [rank, in (, kh, kw)]
  kUp,       // lora_up, lora_B: [out, rank (, 1, 1)]
  kMid,      // Tucker core between the two: [rank, rank, kh, kw]
  kAlpha,    // one number
  kHadaW1A,  // LoHa (arXiv:2108.06098): (w1_a w1_b) * (w2_a w2_b) element by element
  kHadaW1B,
  kHadaW2A,
  kHadaW2B,
  kHadaT1,  // Tucker cores of the two factors
  kHadaT2,
  kLokrW1,   // LoKr (LyCORIS, arXiv:2309.14859): Kronecker product of w1 and w2, each whole ...
  kLokrW1A,  // ... or a product of two
  kLokrW1B,
  kLokrW2,
  kLokrW2A,
  kLokrW2B,
  kLokrT2,
  kDoraScale,      // DoRA (arXiv:2402.09353): a magnitude for each row or column; LyCORIS, kohya
  kDoraMagnitude,  // the same from PEFT: always one for each output
  kDiff,           // the whole difference of the weight
  kBiasDiff,       // and of the bias
};

// The part of the model that a module belongs to.
enum class LoraComponent { kUnknown, kUNet, kTextEncoder, kTextEncoder2 };

// All tensors of a file that belong to one module of the model.
struct LoraModule {
  // As the file spells it, for messages.
  std::string name;
  LoraComponent component = LoraComponent::kUnknown;
  // The module's path without the component's prefix, its dots replaced by underscores; kohya's
  // files know no other spelling, so all are brought to this one.
  std::string flat_path;
  std::map<LoraRole, at::Tensor> tensors;
  // Stands for kAlpha where the file says it in its metadata; also stands for division by the
  // rank's square root (rsLoRA, arXiv:2312.03732).
  std::optional<double> metadata_alpha;
  bool root_rank = false;

  bool Has(LoraRole role) const { return tensors.count(role) != 0; }
};

// A LoRA file as it is, before anybody asks which model it fits: kohya's, LyCORIS', diffusers' old
// and new and PEFT's spelling.
class LoraFile {
 public:
  // INVALID_ARGUMENT when the file is damaged, holds no LoRA, or lacks the counterpart of a tensor.
  static absl::StatusOr<LoraFile> Open(const std::string& path);

  const std::string& path() const { return path_; }
  const std::vector<LoraModule>& modules() const { return modules_; }
  // Tensors of a kind that this program does not know.
  const std::vector<std::string>& not_understood() const { return not_understood_; }

 private:
  std::string path_;
  std::vector<LoraModule> modules_;
  std::vector<std::string> not_understood_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_LORA_LORA_FILE_H_
