#ifndef PATCHBAY_HOST_FORMATS_PICKLE_TEST_DATA_H_
#define PATCHBAY_HOST_FORMATS_PICKLE_TEST_DATA_H_

#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/types/span.h"

namespace patchbay {

// Pickles of protocol 2, put together by hand.
namespace pickled {

inline std::string Number32(uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}
inline std::string Text(const std::string& text) {
  return "X" + Number32(static_cast<uint32_t>(text.size())) + text;
}
inline std::string Int(int32_t value) { return "J" + Number32(static_cast<uint32_t>(value)); }
inline std::string Global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string Tuple(std::initializer_list<std::string> items) {
  std::string tuple = "(";
  for (const std::string& item : items) tuple += item;
  return tuple + "t";
}
inline std::string Dictionary(std::initializer_list<std::string> keys_and_values) {
  std::string dictionary = "}(";
  for (const std::string& item : keys_and_values) dictionary += item;
  return dictionary + "u";
}
inline std::string EmptyOrderedDict() { return Global("collections", "OrderedDict") + ")R"; }
inline std::string Storage(const std::string& type, const std::string& key, int32_t elements) {
  return Tuple({Text("storage"), Global("torch", type), Text(key), Text("cpu"), Int(elements)}) +
         "Q";
}
inline std::string Tensor(const std::string& storage, int32_t offset, const std::string& shape,
                          const std::string& strides) {
  return Global("torch._utils", "_rebuild_tensor_v2") +
         Tuple({storage, Int(offset), shape, strides, "\x89", EmptyOrderedDict()}) + "R";
}
// Of fp32, [length].
inline std::string Vector(const std::string& key, int32_t length) {
  return Tensor(Storage("FloatStorage", key, length), 0, Tuple({Int(length)}), Tuple({Int(1)}));
}
inline std::string Program(const std::string& value) { return "\x80\x02" + value + "."; }

}  // namespace pickled

inline absl::Span<const std::byte> BytesOf(const std::string& text) {
  return absl::MakeConstSpan(reinterpret_cast<const std::byte*>(text.data()), text.size());
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_PICKLE_TEST_DATA_H_
