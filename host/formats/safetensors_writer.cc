#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/file_writer.h"
#include "host/formats/safetensors.h"

namespace patchbay {
namespace {

// Readers map the file and look at the numbers in place: the data should start aligned.
constexpr size_t kAlignment = 8;

std::string LengthBytes(uint64_t length) {
  std::string bytes(8, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(length >> (8 * i));
  return bytes;
}

}  // namespace

absl::Status WriteSafetensors(const std::string& path,
                              const std::map<std::string, SafetensorsTensor, std::less<>>& tensors,
                              const std::map<std::string, std::string, std::less<>>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) {
    header["__metadata__"] = std::map<std::string, std::string>(metadata.begin(), metadata.end());
  }
  std::vector<std::string_view> parts(2);
  uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const uint64_t end = offset + tensor.bytes.size();
    header[name] = {{"dtype", std::string(ElementTypeName(tensor.type))},
                    {"shape", tensor.shape},
                    {"data_offsets", {offset, end}}};
    parts.emplace_back(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
    offset = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write ", path, ": a name or a metadata text is not valid UTF-8"));
  }
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  const std::string length = LengthBytes(text.size());
  parts[0] = length;
  parts[1] = text;
  return WriteFileAtomically(path, parts);
}

}  // namespace patchbay
