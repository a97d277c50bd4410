#include "host/runtime/checkpoint/weight_map.h"

#include <cstdint>
#include <cstring>

namespace patchbay {
namespace {

at::ScalarType ToScalarType(ElementType type) {
  switch (type) {
    case ElementType::kFloat64:
      return at::kDouble;
    case ElementType::kFloat32:
      return at::kFloat;
    case ElementType::kFloat16:
      return at::kHalf;
    case ElementType::kBFloat16:
      return at::kBFloat16;
    case ElementType::kFloat8E4M3:
      return at::kFloat8_e4m3fn;
    case ElementType::kFloat8E5M2:
      return at::kFloat8_e5m2;
    case ElementType::kInt64:
      return at::kLong;
    case ElementType::kInt32:
      return at::kInt;
    case ElementType::kInt16:
      return at::kShort;
    case ElementType::kInt8:
      return at::kChar;
    case ElementType::kUInt64:
      return at::kUInt64;
    case ElementType::kUInt32:
      return at::kUInt32;
    case ElementType::kUInt16:
      return at::kUInt16;
    case ElementType::kUInt8:
      return at::kByte;
    case ElementType::kBool:
      return at::kBool;
  }
  return at::kByte;
}

}  // namespace

StoredWeight ViewStoredWeight(const SafetensorsTensor& stored,
                              const std::shared_ptr<const MappedFile>& file) {
  const auto options = at::TensorOptions().dtype(ToScalarType(stored.type));
  if (stored.bytes.empty()) return {at::empty(stored.shape, options), file};
  void* data = const_cast<std::byte*>(stored.bytes.data());
  if (reinterpret_cast<uintptr_t>(data) % ElementSize(stored.type) != 0) {
    at::Tensor copy = at::empty(stored.shape, options);
    std::memcpy(copy.data_ptr(), data, stored.bytes.size());
    return {copy, file};
  }
  return {at::from_blob(
              data, stored.shape, [file](void*) {}, options),
          file};
}

void StoredWeight::Forget() const {
  if (file == nullptr || !tensor.device().is_cpu() || !tensor.is_contiguous()) return;
  file->Forget(
      absl::MakeConstSpan(static_cast<const std::byte*>(tensor.data_ptr()), tensor.nbytes()));
}

}  // namespace patchbay
