#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/checked_math.h"
#include "host/base/file_writer.h"
#include "host/base/status_macros.h"
#include "host/formats/safetensors.h"
#include "host/formats/safetensors_parts.h"

namespace patchbay {
namespace {

// Readers map the file and look at the numbers in place: the data should start aligned.
constexpr size_t kAlignment = 8;
constexpr char kMetadataKey[] = "__metadata__";

std::string LengthBytes(uint64_t length) {
  std::string bytes(8, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(length >> (8 * i));
  return bytes;
}

absl::Status CheckSize(const std::string& name, const SafetensorsTensor& tensor) {
  std::optional<uint64_t> bytes = ElementSize(tensor.type);
  for (const int64_t size : tensor.shape) {
    bytes =
        size < 0 || !bytes ? std::nullopt : CheckedMultiply(*bytes, static_cast<uint64_t>(size));
  }
  if (bytes == tensor.bytes.size() && name != kMetadataKey) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the tensor \"", name, "\": ",
                   name == kMetadataKey ? "this name is reserved"
                                        : "its bytes are not what its type and shape ask for"));
}

using NamedTensor = std::pair<const std::string, SafetensorsTensor>;

// Wide elements first, so that each tensor starts at a multiple of its element's size; then by
// name.
std::vector<const NamedTensor*> OrderForAlignment(
    const std::map<std::string, SafetensorsTensor, std::less<>>& tensors) {
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& named : tensors) order.push_back(&named);
  std::stable_sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    return ElementSize(a->second.type) > ElementSize(b->second.type);
  });
  return order;
}

}  // namespace

absl::StatusOr<SafetensorsParts> LayOutSafetensors(
    const std::map<std::string, SafetensorsTensor, std::less<>>& tensors,
    const std::map<std::string, std::string, std::less<>>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) {
    header[kMetadataKey] = std::map<std::string, std::string>(metadata.begin(), metadata.end());
  }
  SafetensorsParts layout;
  uint64_t offset = 0;
  // Added at the end: names differ, and header[name] would compare each with all before it.
  auto& entries = header.get_ref<nlohmann::ordered_json::object_t&>();
  for (const NamedTensor* named : OrderForAlignment(tensors)) {
    const auto& [name, tensor] = *named;
    PATCHBAY_RETURN_IF_ERROR(CheckSize(name, tensor));
    const uint64_t end = offset + tensor.bytes.size();
    entries.emplace_back(
        name, nlohmann::ordered_json{{"dtype", std::string(ElementTypeName(tensor.type))},
                                     {"shape", tensor.shape},
                                     {"data_offsets", {offset, end}}});
    layout.tensors.emplace_back(reinterpret_cast<const char*>(tensor.bytes.data()),
                                tensor.bytes.size());
    offset = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    return absl::InvalidArgumentError("a name or a metadata text is not valid UTF-8");
  }
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  layout.head = LengthBytes(text.size()) + text;
  return layout;
}

absl::Status WriteSafetensors(const std::string& path,
                              const std::map<std::string, SafetensorsTensor, std::less<>>& tensors,
                              const std::map<std::string, std::string, std::less<>>& metadata) {
  const absl::StatusOr<SafetensorsParts> layout = LayOutSafetensors(tensors, metadata);
  if (!layout.ok()) {
    return absl::Status(layout.status().code(),
                        absl::StrCat("cannot write ", path, ": ", layout.status().message()));
  }
  std::vector<std::string_view> parts = {layout->head};
  parts.insert(parts.end(), layout->tensors.begin(), layout->tensors.end());
  return WriteFileAtomically(path, parts);
}

}  // namespace patchbay
