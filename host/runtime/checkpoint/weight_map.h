#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_WEIGHT_MAP_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_WEIGHT_MAP_H_

#include <ATen/ATen.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "host/base/mapped_file.h"
#include "host/formats/gguf.h"
#include "host/formats/safetensors.h"
#include "host/runtime/checkpoint/integer_weight.h"

namespace patchbay {

// The blocks of a quantized tensor, inside the mapped file.
struct QuantizedBlocks {
  GgufType type = GgufType::kQ8_0;
  absl::Span<const std::byte> bytes;
};

// One tensor as it is stored. Never write to it.
struct StoredWeight {
  // Usually a view of the mapped file; a copy where the file's bytes are not aligned for their
  // type. Of a quantized tensor the shape alone, in fp32 on LibTorch's meta device, whose strides
  // and offset tell which of the blocks' or integers' numbers it has: reading its values throws.
  at::Tensor tensor;
  std::shared_ptr<const MappedFile> file;
  // A quantized tensor has one of these.
  std::optional<QuantizedBlocks> blocks = std::nullopt;
  std::shared_ptr<const IntegerWeight> integers = nullptr;

  bool is_quantized() const { return blocks.has_value() || integers != nullptr; }
  // The values: `tensor` itself, or new memory with what is stored stands for.
  at::Tensor Values() const;
  // The same weight seen as `view`, which is a view of `tensor` (rows, a transposition).
  StoredWeight SeenAs(at::Tensor view) const;
  // How many bytes of the file it takes.
  int64_t ByteCount() const;
  // The bytes that are stored for it, where they lie together in this memory; otherwise none. Of
  // integers those of the first part.
  absl::Span<const std::byte> Bytes() const;
  // How its file calls the element type: "F16", "Q4_K"; "INT8" and "INT4" for integers.
  std::string TypeName() const;

  // Integers whose pages are let go of as their tensors are; the values stay in the file.
  std::shared_ptr<const IntegerWeight> LendIntegers() const;

  // Lets go of the pages behind a view (see MappedFile::Forget); to be called when the values have
  // been converted elsewhere.
  void Forget() const;
};

// The tensors of one component (a U-Net, a text encoder ...) by their diffusers name. Making a map
// costs no memory; reading a tensor's values brings its pages in.
using WeightMap = std::map<std::string, StoredWeight, std::less<>>;

// The tensor of a safetensors file; keeps the file mapped.
StoredWeight ViewStoredWeight(const SafetensorsTensor& stored,
                              const std::shared_ptr<const MappedFile>& file);
// The tensor of a GGUF file; keeps the file mapped.
StoredWeight ViewStoredWeight(const GgufTensor& stored,
                              const std::shared_ptr<const MappedFile>& file);
// Integers that are views of the file.
StoredWeight ViewStoredWeight(IntegerWeight stored, std::shared_ptr<const MappedFile> file);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_WEIGHT_MAP_H_
