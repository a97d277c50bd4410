#include "plugins/safetensors/src/safetensors_bytes.h"

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

namespace safetensors {
namespace {

const char* TypeOf(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return "F32";
    case at::kChar:
      return "I8";
    case at::kByte:
      return "U8";
    default:
      TORCH_CHECK(false, "tensors of ", tensor.scalar_type(), " are not stored");
  }
}

// The largest elements first, so that all begin at a multiple of their size.
bool ComesFirst(const at::Tensor& tensor) { return tensor.scalar_type() == at::kFloat; }

}  // namespace

std::string SafetensorsBytes(const std::map<std::string, at::Tensor>& tensors,
                             const std::map<std::string, std::string>& metadata) {
  constexpr size_t kAlignment = 8;
  nlohmann::json header = {{"__metadata__", metadata}};
  size_t end = 0;
  for (const bool first : {true, false}) {
    for (const auto& [name, tensor] : tensors) {
      if (ComesFirst(tensor) != first) continue;
      const size_t begin = end;
      end += tensor.nbytes();
      header[name] = {{"dtype", TypeOf(tensor)},
                      {"shape", tensor.sizes().vec()},
                      {"data_offsets", {begin, end}}};
    }
  }
  // Metadata may quote paths, which need not be UTF-8.
  std::string text = header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  std::string bytes(sizeof(uint64_t), '\0');
  for (size_t i = 0; i < sizeof(uint64_t); ++i) {
    bytes[i] = static_cast<char>(text.size() >> (8 * i) & 0xff);
  }
  bytes.reserve(bytes.size() + text.size() + end);
  bytes += text;
  for (const bool first : {true, false}) {
    for (const auto& [name, tensor] : tensors) {
      if (ComesFirst(tensor) != first) continue;
      const at::Tensor contiguous = tensor.contiguous();
      bytes.append(static_cast<const char*>(contiguous.const_data_ptr()), contiguous.nbytes());
    }
  }
  return bytes;
}

}  // namespace safetensors
