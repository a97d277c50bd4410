#include "host/runtime/pipeline/damaged_weights.h"

#include "absl/strings/str_cat.h"
#include "host/runtime/lora/lora_file.h"

namespace patchbay {
namespace {

// In pieces, so that no copy of a large tensor is made.
bool IsFinite(const at::Tensor& stored) {
  constexpr int64_t kPiece = int64_t{1} << 20;
  const at::Tensor values = stored.flatten();
  for (int64_t begin = 0; begin < values.numel(); begin += kPiece) {
    const at::Tensor piece = values.slice(0, begin, begin + kPiece).to(at::kFloat);
    if (!piece.isfinite().all().item<bool>()) return false;
  }
  return true;
}

std::optional<std::string> FindIn(const std::string& component, const WeightMap& weights) {
  for (const auto& [name, stored] : weights) {
    if (!stored.tensor.is_floating_point()) continue;
    const bool finite = IsFinite(stored.Values());
    stored.Forget();
    if (!finite) return absl::StrCat("the ", component, "'s tensor \"", name, "\"");
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> FindDamagedWeight(const Checkpoint& checkpoint) {
  if (auto found = FindIn("U-Net", checkpoint.unet)) return found;
  for (const TextEncoderPart& part : checkpoint.text_encoders) {
    if (auto found = FindIn("text encoder", part.weights)) return found;
  }
  return FindIn("autoencoder", checkpoint.autoencoder);
}

std::optional<std::string> FindDamagedLora(absl::Span<const LoraChoice> loras) {
  for (const LoraChoice& lora : loras) {
    const absl::StatusOr<LoraFile> file = LoraFile::Open(lora.path);
    if (!file.ok()) continue;
    for (const LoraModule& module : file->modules()) {
      for (const auto& [role, tensor] : module.tensors) {
        if (tensor.is_floating_point() && !IsFinite(tensor)) {
          return absl::StrCat("\"", module.name, "\" of the LoRA ", lora.path);
        }
      }
    }
  }
  return std::nullopt;
}

}  // namespace patchbay
