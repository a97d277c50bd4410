#include "host/formats/gguf_metadata.h"

#include <bit>
#include <set>

#include "absl/strings/match.h"
#include "host/base/checked_math.h"

namespace patchbay {
namespace {

constexpr uint64_t kMaxAlignment = 1 << 20;
constexpr char kAlignmentKey[] = "general.alignment";
constexpr char kShapeKeyPrefix[] = "comfy.gguf.orig_shape.";
constexpr int kMaxNesting = 4;

// The types of metadata values.
enum ValueType : uint32_t { kUInt32 = 4, kInt32 = 5, kString = 8, kArray = 9, kValueTypes = 13 };

// Bytes of a value; 0 for those whose size the file says.
constexpr uint64_t kValueBytes[kValueTypes] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

absl::Status Invalid(const std::string& what) { return absl::InvalidArgumentError(what); }

// Moves behind a value.
absl::Status SkipValue(GgufReader& reader, uint32_t type, int nesting) {
  if (type >= kValueTypes) return Invalid(absl::StrCat("of the unknown type ", type));
  if (type == kString) {
    PATCHBAY_ASSIGN_OR_RETURN(const uint64_t length, reader.Read<uint64_t>());
    return reader.Bytes(length).status();
  }
  if (type != kArray) return reader.Bytes(kValueBytes[type]).status();
  if (nesting >= kMaxNesting) return Invalid("a list in a list too often");
  PATCHBAY_ASSIGN_OR_RETURN(const uint32_t element, reader.Read<uint32_t>());
  PATCHBAY_ASSIGN_OR_RETURN(const uint64_t count, reader.Read<uint64_t>());
  if (element >= kValueTypes) return Invalid(absl::StrCat("of the unknown type ", element));
  if (kValueBytes[element] != 0) {
    const auto bytes = CheckedMultiply(count, kValueBytes[element]);
    return reader.Bytes(bytes.value_or(UINT64_MAX)).status();
  }
  // Each element takes bytes of its own, so that the end of the header ends this.
  for (uint64_t i = 0; i < count; ++i) {
    PATCHBAY_RETURN_IF_ERROR(SkipValue(reader, element, nesting + 1));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> ReadShape(GgufReader& reader, uint32_t type,
                                               const GgufLimits& limits) {
  uint32_t element = 0;
  uint64_t count = 0;
  if (type == kArray) {
    PATCHBAY_ASSIGN_OR_RETURN(element, reader.Read<uint32_t>());
    PATCHBAY_ASSIGN_OR_RETURN(count, reader.Read<uint64_t>());
  }
  if (element != kInt32 || count > limits.max_rank) {
    return Invalid(absl::StrCat("not a list of at most ", limits.max_rank, " 32-bit integers"));
  }
  std::vector<int64_t> shape;
  for (uint64_t i = 0; i < count; ++i) {
    PATCHBAY_ASSIGN_OR_RETURN(const uint32_t size, reader.Read<uint32_t>());
    shape.push_back(static_cast<int32_t>(size));
    if (shape.back() <= 0) return Invalid(absl::StrCat("a shape with the size ", shape.back()));
  }
  return shape;
}

absl::StatusOr<uint64_t> ReadAlignment(GgufReader& reader, uint32_t type) {
  if (type != kUInt32) return Invalid("not a 32-bit number");
  PATCHBAY_ASSIGN_OR_RETURN(const uint32_t alignment, reader.Read<uint32_t>());
  if (!std::has_single_bit(alignment) || alignment > kMaxAlignment) {
    return Invalid(absl::StrCat(alignment, ", which is no power of two up to ", kMaxAlignment));
  }
  return alignment;
}

absl::Status ReadEntry(GgufReader& reader, const std::string& key, const GgufLimits& limits,
                       GgufMetadata& metadata) {
  PATCHBAY_ASSIGN_OR_RETURN(const uint32_t type, reader.Read<uint32_t>());
  if (key == kAlignmentKey) {
    PATCHBAY_ASSIGN_OR_RETURN(metadata.alignment, ReadAlignment(reader, type));
    return absl::OkStatus();
  }
  if (!absl::StartsWith(key, kShapeKeyPrefix)) return SkipValue(reader, type, 0);
  PATCHBAY_ASSIGN_OR_RETURN(metadata.original_shapes[key.substr(sizeof(kShapeKeyPrefix) - 1)],
                            ReadShape(reader, type, limits));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GgufMetadata> ReadGgufMetadata(GgufReader& reader, uint64_t count,
                                              const GgufLimits& limits) {
  if (count > limits.max_metadata) {
    return Invalid(absl::StrCat("its header speaks of ", count, " entries of metadata, at most ",
                                limits.max_metadata, " are read: the file is damaged"));
  }
  GgufMetadata metadata;
  std::set<std::string> seen;
  for (uint64_t i = 0; i < count; ++i) {
    PATCHBAY_ASSIGN_OR_RETURN(std::string key, reader.Text(limits.max_name_bytes));
    const absl::Status read = ReadEntry(reader, key, limits, metadata);
    if (!read.ok()) {
      return Invalid(absl::StrCat("its metadata \"", key, "\": ", std::string(read.message())));
    }
    if (!seen.insert(key).second) {
      return Invalid(absl::StrCat("its metadata has the key \"", key, "\" twice"));
    }
  }
  return metadata;
}

}  // namespace patchbay
