// A GGUF file's header: "GGUF", version, counts, metadata (typed keys and values), the table of
// tensors (name, dimensions, type, offset), and padding up to the data.

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/checked_math.h"
#include "host/base/status_macros.h"
#include "host/formats/foreign_file.h"
#include "host/formats/gguf.h"
#include "host/formats/gguf_metadata.h"
#include "host/formats/gguf_reader.h"

namespace patchbay {
namespace {

constexpr std::string_view kMagic = "GGUF";

absl::Status Invalid(const std::string& what) { return absl::InvalidArgumentError(what); }

struct Entry {
  std::string name;
  GgufTensor tensor;
  uint64_t offset = 0;  // in the data
  uint64_t bytes = 0;
};

// How many numbers a shape has; nothing where they cannot be counted.
std::optional<uint64_t> CountNumbers(const std::vector<int64_t>& shape) {
  std::optional<uint64_t> count = 1;
  for (const int64_t size : shape) {
    if (count) count = CheckedMultiply(*count, static_cast<uint64_t>(size));
  }
  if (count && *count > static_cast<uint64_t>(INT64_MAX) / sizeof(double)) return std::nullopt;
  return count;
}

absl::StatusOr<std::vector<int64_t>> ReadDimensions(GgufReader& reader, const GgufLimits& limits) {
  PATCHBAY_ASSIGN_OR_RETURN(const uint32_t rank, reader.Read<uint32_t>());
  if (rank > limits.max_rank) {
    return Invalid(
        absl::StrCat("has ", rank, " dimensions, more than the ", limits.max_rank, " allowed"));
  }
  std::vector<int64_t> shape;
  for (uint32_t i = 0; i < rank; ++i) {
    PATCHBAY_ASSIGN_OR_RETURN(const uint64_t size, reader.Read<uint64_t>());
    if (size == 0 || size > static_cast<uint64_t>(INT64_MAX)) {
      return Invalid("has an impossible shape");
    }
    shape.push_back(static_cast<int64_t>(size));
  }
  std::reverse(shape.begin(), shape.end());
  return shape;
}

// The part of an entry after its name.
absl::Status ReadTensor(GgufReader& reader, const GgufLimits& limits, Entry& entry) {
  GgufTensor& tensor = entry.tensor;
  PATCHBAY_ASSIGN_OR_RETURN(tensor.shape, ReadDimensions(reader, limits));
  PATCHBAY_ASSIGN_OR_RETURN(const uint32_t number, reader.Read<uint32_t>());
  PATCHBAY_ASSIGN_OR_RETURN(entry.offset, reader.Read<uint64_t>());
  const std::optional<GgufType> type = GgufTypeOf(number);
  if (!type) {
    return Invalid(absl::StrCat(
        "is of the element type ", GgufTypeText(number),
        ", which this program does not read; it reads F32, F16, BF16, F64, Q4_0, Q4_1, Q5_0, Q5_1, "
        "Q8_0, Q4_K, Q5_K and Q6_K: take the model in one of these"));
  }
  tensor.type = *type;
  const std::optional<uint64_t> numbers = CountNumbers(tensor.shape);
  if (!numbers) return Invalid("has an impossible shape");
  const size_t block = GgufBlockElements(*type);
  const uint64_t row = tensor.shape.empty() ? 1 : static_cast<uint64_t>(tensor.shape.back());
  if (row % block != 0) {
    return Invalid(absl::StrCat("has rows of ", row, " numbers, which do not make whole blocks of ",
                                block, " (", std::string(GgufTypeName(*type)), ")"));
  }
  const auto bytes = CheckedMultiply(*numbers / block, GgufBlockBytes(*type));
  if (!bytes) return Invalid("has an impossible shape");
  entry.bytes = *bytes;
  return absl::OkStatus();
}

absl::Status InTensor(const std::string& name, const absl::Status& status) {
  return Invalid(absl::StrCat("tensor \"", name, "\" ", std::string(status.message())));
}

absl::StatusOr<std::vector<Entry>> ReadTable(GgufReader& reader, uint64_t count,
                                             const GgufLimits& limits) {
  if (count > limits.max_tensors) {
    return Invalid(absl::StrCat("its header speaks of ", count, " tensors, at most ",
                                limits.max_tensors, " are read: the file is damaged"));
  }
  std::vector<Entry> entries;
  for (uint64_t i = 0; i < count; ++i) {
    Entry entry;
    PATCHBAY_ASSIGN_OR_RETURN(entry.name, reader.Text(limits.max_name_bytes));
    const absl::Status read = ReadTensor(reader, limits, entry);
    if (!read.ok()) return InTensor(entry.name, read);
    entries.push_back(std::move(entry));
  }
  return entries;
}

absl::Status TakeBytes(Entry& entry, absl::Span<const std::byte> data, uint64_t alignment) {
  if (entry.offset % alignment != 0) {
    return Invalid(absl::StrCat("begins at byte ", entry.offset,
                                " of the data, which is no multiple of ", alignment));
  }
  if (entry.offset > data.size() || entry.bytes > data.size() - entry.offset) {
    return Invalid(absl::StrCat("needs ", entry.bytes, " bytes from byte ", entry.offset,
                                " of the data, which has ", data.size(),
                                ": the file is truncated or damaged; download it again"));
  }
  entry.tensor.bytes = data.subspan(entry.offset, entry.bytes);
  return absl::OkStatus();
}

absl::Status CheckNoOverlap(std::vector<Entry>& entries) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.offset < b.offset; });
  for (size_t i = 1; i < entries.size(); ++i) {
    const Entry& before = entries[i - 1];
    if (before.offset + before.bytes <= entries[i].offset) continue;
    return Invalid(absl::StrCat("tensor \"", entries[i].name, "\" overlaps \"", before.name,
                                "\": the file is damaged"));
  }
  return absl::OkStatus();
}

absl::Status RestoreShape(const GgufMetadata& metadata, Entry& entry) {
  const auto original = metadata.original_shapes.find(entry.name);
  if (original == metadata.original_shapes.end()) return absl::OkStatus();
  if (CountNumbers(original->second) != CountNumbers(entry.tensor.shape)) {
    return Invalid("has not as many numbers as its original shape in the metadata");
  }
  entry.tensor.shape = original->second;
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> ReadVersion(GgufReader& reader) {
  PATCHBAY_ASSIGN_OR_RETURN(const uint32_t version, reader.Read<uint32_t>());
  if (version == 2 || version == 3) return version;
  if (version != 0 && (version & 0xffff) == 0) {
    return Invalid("it is a big-endian GGUF file; only little-endian ones are read");
  }
  return Invalid(absl::StrCat("it is of version ", version,
                              " of the GGUF format, and this program reads versions 2 and 3"));
}

absl::Status Parse(absl::Span<const std::byte> content, const GgufLimits& limits,
                   GgufTensors& tensors) {
  const std::string_view text(reinterpret_cast<const char*>(content.data()), content.size());
  if (text.substr(0, kMagic.size()) != kMagic) {
    if (const auto advice = DescribeForeignFile(content)) return Invalid(*advice);
    return Invalid("it is not a GGUF file: it does not begin with GGUF");
  }
  GgufReader reader(content, limits);
  PATCHBAY_RETURN_IF_ERROR(reader.Bytes(kMagic.size()).status());
  PATCHBAY_RETURN_IF_ERROR(ReadVersion(reader).status());
  PATCHBAY_ASSIGN_OR_RETURN(const uint64_t tensor_count, reader.Read<uint64_t>());
  PATCHBAY_ASSIGN_OR_RETURN(const uint64_t entry_count, reader.Read<uint64_t>());
  PATCHBAY_ASSIGN_OR_RETURN(const GgufMetadata metadata,
                            ReadGgufMetadata(reader, entry_count, limits));
  PATCHBAY_ASSIGN_OR_RETURN(std::vector<Entry> entries, ReadTable(reader, tensor_count, limits));

  const uint64_t padded =
      (reader.position() + metadata.alignment - 1) / metadata.alignment * metadata.alignment;
  const auto data = content.subspan(std::min<uint64_t>(padded, content.size()));
  for (Entry& entry : entries) {
    absl::Status checked = TakeBytes(entry, data, metadata.alignment);
    if (checked.ok()) checked = RestoreShape(metadata, entry);
    if (!checked.ok()) return InTensor(entry.name, checked);
  }
  PATCHBAY_RETURN_IF_ERROR(CheckNoOverlap(entries));
  for (Entry& entry : entries) {
    const auto [position, is_new] = tensors.emplace(entry.name, std::move(entry.tensor));
    if (!is_new) return Invalid(absl::StrCat("the tensor \"", entry.name, "\" is there twice"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseGguf(std::string_view name, absl::Span<const std::byte> content,
                       const GgufLimits& limits, GgufTensors& tensors) {
  const absl::Status status = Parse(content, limits, tensors);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("cannot use ", std::string(name), ": ",
                                                  std::string(status.message())));
}

}  // namespace patchbay
