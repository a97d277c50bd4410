#include "host/runtime/checkpoint/weight_map.h"

#include <ATen/Parallel.h>

#include <cstdint>
#include <cstring>
#include <utility>

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

// How safetensors spells LibTorch's element type.
const char* ElementTypeText(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return "F64";
    case at::kFloat:
      return "F32";
    case at::kHalf:
      return "F16";
    case at::kBFloat16:
      return "BF16";
    case at::kFloat8_e4m3fn:
      return "F8_E4M3";
    case at::kFloat8_e5m2:
      return "F8_E5M2";
    default:
      return at::isIntegralType(type, /*includeBool=*/true) ? "integers" : "other";
  }
}

// All numbers of the blocks, one after the other.
at::Tensor Dequantize(const QuantizedBlocks& blocks) {
  // Worth a thread's while.
  constexpr int64_t kBytesOfAThread = int64_t{1} << 18;
  const auto block_bytes = static_cast<int64_t>(GgufBlockBytes(blocks.type));
  const auto block_numbers = static_cast<int64_t>(GgufBlockElements(blocks.type));
  const int64_t count = static_cast<int64_t>(blocks.bytes.size()) / block_bytes;
  at::Tensor values = at::empty({count * block_numbers}, at::kFloat);
  float* const first = values.mutable_data_ptr<float>();
  at::parallel_for(0, count, kBytesOfAThread / block_bytes, [&](int64_t begin, int64_t end) {
    DequantizeGguf(blocks.type,
                   blocks.bytes.subspan(static_cast<size_t>(begin * block_bytes),
                                        static_cast<size_t>((end - begin) * block_bytes)),
                   first + begin * block_numbers);
  });
  return values;
}

at::Tensor ShapeAlone(at::IntArrayRef shape) {
  return at::empty(shape, at::TensorOptions().dtype(at::kFloat).device(at::kMeta));
}

absl::Span<const std::byte> BytesOf(const at::Tensor& tensor) {
  return absl::MakeConstSpan(static_cast<const std::byte*>(tensor.const_data_ptr()),
                             tensor.nbytes());
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

StoredWeight ViewStoredWeight(const GgufTensor& stored,
                              const std::shared_ptr<const MappedFile>& file) {
  if (const std::optional<ElementType> type = GgufElementType(stored.type)) {
    return ViewStoredWeight(SafetensorsTensor{*type, stored.shape, stored.bytes}, file);
  }
  return {ShapeAlone(stored.shape), file, QuantizedBlocks{stored.type, stored.bytes}};
}

StoredWeight ViewStoredWeight(IntegerWeight stored, std::shared_ptr<const MappedFile> file) {
  auto integers = std::make_shared<const IntegerWeight>(std::move(stored));
  at::Tensor shape = ShapeAlone(integers->shape);
  return {std::move(shape), std::move(file), std::nullopt, std::move(integers)};
}

at::Tensor StoredWeight::Values() const {
  if (!is_quantized()) return tensor;
  const at::Tensor all = blocks ? Dequantize(*blocks) : integers->Values();
  if (tensor.numel() == all.numel() && tensor.is_contiguous()) return all.view(tensor.sizes());
  // A copy, so that a part does not keep the memory of the whole.
  return all.as_strided(tensor.sizes(), tensor.strides(), tensor.storage_offset())
      .clone(at::MemoryFormat::Contiguous);
}

StoredWeight StoredWeight::SeenAs(at::Tensor view) const {
  return {std::move(view), file, blocks, integers};
}

int64_t StoredWeight::ByteCount() const {
  if (integers != nullptr)
    return integers->ByteCount() * tensor.numel() / c10::multiply_integers(integers->shape);
  if (!blocks) return static_cast<int64_t>(tensor.nbytes());
  // A view may begin within a block; as a share of all it is exact for whole tensors and rows.
  return tensor.numel() / static_cast<int64_t>(GgufBlockElements(blocks->type)) *
         static_cast<int64_t>(GgufBlockBytes(blocks->type));
}

absl::Span<const std::byte> StoredWeight::Bytes() const {
  if (blocks) return blocks->bytes;
  const at::Tensor& stored = integers == nullptr ? tensor : integers->parts.front().integers;
  if (!stored.device().is_cpu() || !stored.is_contiguous()) return {};
  return BytesOf(stored);
}

std::string StoredWeight::TypeName() const {
  if (integers != nullptr) return integers->bits == 8 ? "INT8" : "INT4";
  return blocks ? std::string(GgufTypeName(blocks->type)) : ElementTypeText(tensor.scalar_type());
}

std::shared_ptr<const IntegerWeight> StoredWeight::LendIntegers() const {
  auto lent = std::make_shared<IntegerWeight>(*integers);
  if (file == nullptr) return lent;
  for (IntegerWeight::Part& part : lent->parts) {
    const at::Tensor stored = part.integers;
    part.integers = at::from_blob(
        stored.data_ptr(), stored.sizes(),
        [stored, mapped = file](void*) { mapped->Forget(BytesOf(stored)); }, stored.options());
  }
  return lent;
}

void StoredWeight::Forget() const {
  if (file == nullptr) return;
  if (integers == nullptr) return file->Forget(Bytes());
  for (const IntegerWeight::Part& part : integers->parts) file->Forget(BytesOf(part.integers));
}

}  // namespace patchbay
