// A safetensors file's header: {name: {dtype, shape, data_offsets}, "__metadata__": {key: text}}.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/checked_math.h"
#include "host/base/status_macros.h"
#include "host/formats/foreign_file.h"
#include "host/formats/safetensors.h"

namespace patchbay {
namespace {

constexpr char kMetadataKey[] = "__metadata__";
constexpr size_t kLengthBytes = 8;

struct Entry {
  std::string name;
  std::optional<std::string> type;
  std::optional<std::vector<uint64_t>> shape;
  std::optional<std::vector<uint64_t>> offsets;
};

// Takes the header apart as it is parsed, so that a duplicate key, a deep nesting or a million
// tensors is noticed where it stands and nothing larger than the entries themselves is kept.
class HeaderHandler final : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderHandler(const SafetensorsLimits& limits,
                std::map<std::string, std::string, std::less<>>& metadata)
      : limits_(limits), metadata_(metadata) {}

  std::map<std::string, Entry>& entries() { return entries_; }
  const std::string& complaint() const { return complaint_; }

  bool null() override { return Refuse("a null"); }
  bool boolean(bool) override { return Refuse("a boolean"); }
  bool number_float(number_float_t, const string_t&) override { return Refuse("a fraction"); }
  bool binary(binary_t&) override { return Refuse("binary data"); }
  bool number_integer(number_integer_t value) override {
    return value < 0 ? Refuse("a negative number") : number_unsigned(static_cast<uint64_t>(value));
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (list_ == nullptr) return Refuse("a number");
    if (list_->size() >= limits_.max_rank) return Refuse("more dimensions than allowed");
    list_->push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    if (depth_ != 2 || list_ != nullptr) return Refuse("a text");
    if (in_metadata_) {
      if (!metadata_.emplace(field_, value).second) return RefuseDuplicate();
      return true;
    }
    if (field_ != "dtype" || entry_->type.has_value()) return Refuse("a text");
    entry_->type = value;
    return true;
  }

  bool start_object(size_t) override {
    if (++depth_ > 2 || list_ != nullptr) return Refuse("a nested object");
    return true;
  }
  bool end_object() override {
    --depth_;
    in_metadata_ = false;
    return true;
  }

  bool start_array(size_t) override {
    if (depth_ != 2 || in_metadata_ || list_ != nullptr) return Refuse("a list");
    std::optional<std::vector<uint64_t>>* target = field_ == "shape"          ? &entry_->shape
                                                   : field_ == "data_offsets" ? &entry_->offsets
                                                                              : nullptr;
    if (target == nullptr || target->has_value()) return Refuse("a list");
    target->emplace();
    list_ = &**target;
    return true;
  }
  bool end_array() override {
    list_ = nullptr;
    return true;
  }

  bool key(string_t& value) override {
    if (depth_ == 2) {
      field_ = value;
      return true;
    }
    where_ = value;
    if (value == kMetadataKey) {
      in_metadata_ = true;
      if (std::exchange(metadata_seen_, true)) return RefuseDuplicate();
      return true;
    }
    if (value.size() > limits_.max_name_bytes) return Refuse("too long a name");
    if (entries_.size() >= limits_.max_tensors) return Refuse("more tensors than allowed");
    const auto [position, is_new] = entries_.emplace(value, Entry{value, {}, {}, {}});
    entry_ = &position->second;
    return is_new || RefuseDuplicate();
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    complaint_ = absl::StrCat("the header is not valid JSON at byte ", position);
    return false;
  }

 private:
  bool Refuse(const char* what) {
    complaint_ = absl::StrCat("its header has ", what, " at \"", where_, "\" where none belongs");
    return false;
  }

  bool RefuseDuplicate() {
    complaint_ = absl::StrCat("its header has the same key twice at \"", where_, "\"");
    return false;
  }

  const SafetensorsLimits& limits_;
  std::map<std::string, std::string, std::less<>>& metadata_;
  std::map<std::string, Entry> entries_;
  Entry* entry_ = nullptr;
  std::vector<uint64_t>* list_ = nullptr;
  std::string where_;
  std::string field_;
  std::string complaint_;
  size_t depth_ = 0;
  bool in_metadata_ = false;
  bool metadata_seen_ = false;
};

absl::Status Invalid(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::StatusOr<SafetensorsTensor> MakeTensor(const Entry& entry, absl::Span<const std::byte> data) {
  const std::string where = absl::StrCat("tensor \"", entry.name, "\"");
  if (!entry.type || !entry.shape || !entry.offsets || entry.offsets->size() != 2) {
    return Invalid(absl::StrCat(where, " lacks its dtype, shape or data_offsets"));
  }
  const std::optional<ElementType> type = ParseElementType(*entry.type);
  if (!type) return Invalid(absl::StrCat(where, " has the unknown dtype ", *entry.type));
  const uint64_t begin = (*entry.offsets)[0];
  const uint64_t end = (*entry.offsets)[1];
  if (begin > end || end > data.size()) {
    return Invalid(absl::StrCat(where, " reaches to byte ", end, " of ", data.size(),
                                ": the file is truncated or damaged"));
  }
  SafetensorsTensor tensor;
  tensor.type = *type;
  uint64_t bytes = ElementSize(*type);
  bool is_empty = false;
  for (const uint64_t size : *entry.shape) {
    // A zero does not hide the overflow of the other sizes: readers compute strides from them.
    const auto product = CheckedMultiply(bytes, size == 0 ? 1 : size);
    if (!product || *product > static_cast<uint64_t>(INT64_MAX)) {
      return Invalid(absl::StrCat(where, " has an impossible shape"));
    }
    is_empty = is_empty || size == 0;
    bytes = *product;
    tensor.shape.push_back(static_cast<int64_t>(size));
  }
  if (is_empty) bytes = 0;
  if (bytes != end - begin) {
    return Invalid(
        absl::StrCat(where, " has ", end - begin, " bytes, but its shape asks for ", bytes));
  }
  tensor.bytes = data.subspan(begin, end - begin);
  return tensor;
}

// The tensors must cover the data from its first to its last byte, each byte once.
absl::Status CheckCover(const std::map<std::string, SafetensorsTensor, std::less<>>& tensors,
                        absl::Span<const std::byte> data) {
  std::vector<std::pair<const std::byte*, const std::string*>> order;
  for (const auto& [name, tensor] : tensors) order.emplace_back(tensor.bytes.data(), &name);
  std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first < b.first;
    return tensors.find(*a.second)->second.bytes.size() <
           tensors.find(*b.second)->second.bytes.size();
  });
  const std::byte* expected = data.data();
  for (const auto& [begin, name] : order) {
    if (begin != expected) {
      return Invalid(absl::StrCat("tensor \"", *name, "\" overlaps another one or leaves a hole"));
    }
    expected = begin + tensors.find(*name)->second.bytes.size();
  }
  if (expected != data.data() + data.size()) {
    return Invalid("there are bytes after the last tensor");
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> ReadHeaderLength(absl::Span<const std::byte> content,
                                          const SafetensorsLimits& limits) {
  if (content.size() < kLengthBytes) {
    return Invalid("it is shorter than any safetensors file: empty or truncated");
  }
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length |= static_cast<uint64_t>(content[i]) << (8 * i);
  }
  if (length > limits.max_header_bytes) {
    return Invalid(absl::StrCat("it is not a safetensors file, or damaged: its header would have ",
                                length, " bytes, at most ", limits.max_header_bytes, " are read"));
  }
  if (length > content.size() - kLengthBytes) {
    return Invalid(absl::StrCat("its header of ", length, " bytes goes beyond its end at byte ",
                                content.size(), ": the file is truncated; download it again"));
  }
  if (length < 2 || content[kLengthBytes] != std::byte{'{'}) {
    return Invalid("it is not a safetensors file: its header does not begin with {");
  }
  return length;
}

absl::Status Parse(absl::Span<const std::byte> content, const SafetensorsLimits& limits,
                   std::map<std::string, SafetensorsTensor, std::less<>>& tensors,
                   std::map<std::string, std::string, std::less<>>& metadata) {
  const absl::StatusOr<uint64_t> checked_length = ReadHeaderLength(content, limits);
  if (!checked_length.ok()) {
    // Only now: the length of a good file's header may look like a pickle's first bytes.
    if (const auto advice = DescribeForeignFile(content)) return Invalid(*advice);
    return checked_length.status();
  }
  const uint64_t length = *checked_length;
  const auto header = content.subspan(kLengthBytes, length);
  const auto data = content.subspan(kLengthBytes + length);
  HeaderHandler handler(limits, metadata);
  const char* text = reinterpret_cast<const char*>(header.data());
  if (!nlohmann::json::sax_parse(text, text + header.size(), &handler)) {
    return Invalid(handler.complaint());
  }
  for (const auto& [name, entry] : handler.entries()) {
    PATCHBAY_ASSIGN_OR_RETURN(SafetensorsTensor tensor, MakeTensor(entry, data));
    tensors.emplace(name, std::move(tensor));
  }
  return CheckCover(tensors, data);
}

}  // namespace

absl::Status ParseSafetensors(std::string_view name, absl::Span<const std::byte> content,
                              const SafetensorsLimits& limits,
                              std::map<std::string, SafetensorsTensor, std::less<>>& tensors,
                              std::map<std::string, std::string, std::less<>>& metadata) {
  absl::Status status = Parse(content, limits, tensors, metadata);
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat("cannot use ", std::string(name), ": ", status.message()));
}

}  // namespace patchbay
