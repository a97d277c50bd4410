#include "host/engine/weight_report.h"

#include <memory>
#include <optional>
#include <string_view>

namespace patchbay {
namespace {

constexpr std::string_view kWeight = ".weight";

const char* NameOf(at::ScalarType precision) {
  switch (precision) {
    case at::kBFloat16:
      return "bf16";
    case at::kHalf:
      return "fp16";
    default:
      return "fp32";
  }
}

// Where the tensor is a linear layer's or a convolution's weight; otherwise null.
std::shared_ptr<OperatorStorage> StorageOf(const SiteTable& sites, std::string_view tensor) {
  if (!tensor.ends_with(kWeight)) return nullptr;
  const std::optional<SiteIndex> site =
      sites.Find(tensor.substr(0, tensor.size() - kWeight.size()));
  return site ? sites.Storage(*site) : nullptr;
}

}  // namespace

std::map<std::string, uint64_t> WeightBytes(const WeightMap& stored, const LoadedModel& model,
                                            const std::map<std::string, uint64_t>& stand_ins) {
  const at::ScalarType precision = model.compute.precision;
  uint64_t floating = 0;
  for (const auto& [name, weight] : stored) {
    const auto storage = StorageOf(model.unet->sites(), name);
    if (storage == nullptr) {
      floating += static_cast<uint64_t>(weight.tensor.numel()) * c10::elementSize(precision);
    } else if (storage->has_weight()) {
      floating += storage->bytes();
    }
  }
  std::map<std::string, uint64_t> bytes = stand_ins;
  bytes[NameOf(precision)] += floating;
  return bytes;
}

}  // namespace patchbay
