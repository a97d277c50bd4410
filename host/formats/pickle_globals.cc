#include "host/formats/pickle_globals.h"

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "host/base/checked_math.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

using Kind = PickledValue::Kind;

struct StorageType {
  std::string_view global;
  ElementType type;
};

constexpr StorageType kStorageTypes[] = {
    {"torch.FloatStorage", ElementType::kFloat32},
    {"torch.HalfStorage", ElementType::kFloat16},
    {"torch.BFloat16Storage", ElementType::kBFloat16},
    {"torch.DoubleStorage", ElementType::kFloat64},
    {"torch.LongStorage", ElementType::kInt64},
    {"torch.IntStorage", ElementType::kInt32},
    {"torch.ShortStorage", ElementType::kInt16},
    {"torch.CharStorage", ElementType::kInt8},
    {"torch.ByteStorage", ElementType::kUInt8},
    {"torch.BoolStorage", ElementType::kBool},
};

// torch.save() counts its storages. Every tensor has its storage's key, and values may be shared.
constexpr size_t kLongestKey = 256;

std::optional<ElementType> TypeOf(std::string_view global) {
  for (const StorageType& known : kStorageTypes) {
    if (known.global == global) return known.type;
  }
  return std::nullopt;
}

absl::Status Damaged(std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("its pickle is damaged: ", std::string(what), "; download the file again"));
}

// Whole numbers that are not negative.
absl::StatusOr<std::vector<int64_t>> Sizes(const PickledValue& tuple, size_t most) {
  if (tuple.kind != Kind::kTuple || tuple.items.size() > most) {
    return Damaged("a tensor has no proper shape");
  }
  std::vector<int64_t> sizes;
  for (const PickledValue* item : tuple.items) {
    if (item->kind != Kind::kInteger || item->integer < 0) {
      return Damaged("a tensor has no proper shape");
    }
    sizes.push_back(item->integer);
  }
  return sizes;
}

bool RepeatsNumbers(const PickledTensor& tensor) {
  bool repeats = false;
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    if (tensor.shape[i] == 0) return false;
    repeats = repeats || (tensor.shape[i] > 1 && tensor.strides[i] == 0);
  }
  return repeats;
}

// Whether the elements are in the storage, and not more than it has.
bool IsInside(const PickledTensor& tensor) {
  std::optional<uint64_t> count = 1;
  std::optional<uint64_t> last = tensor.offset;
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    const auto size = static_cast<uint64_t>(tensor.shape[i]);
    if (size == 0) return tensor.offset <= tensor.storage_elements;
  }
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    const auto size = static_cast<uint64_t>(tensor.shape[i]);
    count = CheckedMultiply(*count, size);
    const auto reach = CheckedMultiply(size - 1, static_cast<uint64_t>(tensor.strides[i]));
    if (!count || !reach) return false;
    last = CheckedAdd(*last, *reach);
    if (!last) return false;
  }
  return *last < tensor.storage_elements && *count <= tensor.storage_elements;
}

}  // namespace

bool IsKnownGlobal(std::string_view global) {
  return global == kOrderedDict || global == kRebuildTensor || global == kRebuildParameter ||
         TypeOf(global).has_value();
}

absl::StatusOr<PickledTensor> StorageOf(const PickledValue& id) {
  const auto& items = id.items;
  if (id.kind != Kind::kTuple || items.size() != 5 || items[0]->kind != Kind::kText ||
      items[0]->text != "storage" || items[1]->kind != Kind::kGlobal ||
      items[2]->kind != Kind::kText || items[4]->kind != Kind::kInteger || items[4]->integer < 0) {
    return Damaged("it refers to something that is no storage");
  }
  const std::optional<ElementType> type = TypeOf(items[1]->text);
  if (!type.has_value()) return Damaged(absl::StrCat("a storage is of type ", items[1]->text));
  if (items[2]->text.size() > kLongestKey) return Damaged("a storage's name is too long");
  PickledTensor storage;
  storage.type = *type;
  storage.storage = items[2]->text;
  storage.storage_elements = static_cast<uint64_t>(items[4]->integer);
  return storage;
}

absl::StatusOr<PickledTensor> TensorOf(const PickledValue& arguments, size_t max_rank) {
  const auto& items = arguments.items;
  if (items.size() < 6 || items.size() > 7 || items[0]->kind != Kind::kStorage ||
      items[1]->kind != Kind::kInteger || items[1]->integer < 0) {
    return Damaged("a tensor is not made of a storage");
  }
  PickledTensor tensor = *items[0]->tensor;
  tensor.offset = static_cast<uint64_t>(items[1]->integer);
  PATCHBAY_ASSIGN_OR_RETURN(tensor.shape, Sizes(*items[2], max_rank));
  PATCHBAY_ASSIGN_OR_RETURN(tensor.strides, Sizes(*items[3], max_rank));
  if (tensor.shape.size() != tensor.strides.size()) return Damaged("a tensor has no proper shape");
  if (RepeatsNumbers(tensor)) {
    return absl::InvalidArgumentError(
        "a tensor in it repeats its numbers, as expand() makes it; save it after contiguous()");
  }
  if (!IsInside(tensor)) return Damaged("a tensor reaches beyond its storage");
  return tensor;
}

}  // namespace patchbay
