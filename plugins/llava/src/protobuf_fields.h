#ifndef PATCHBAY_PLUGINS_LLAVA_SRC_PROTOBUF_FIELDS_H_
#define PATCHBAY_PLUGINS_LLAVA_SRC_PROTOBUF_FIELDS_H_

#include <cstdint>
#include <functional>
#include <string_view>

namespace llava {

// A field of a message in the wire format of Protocol Buffers.
struct ProtobufField {
  uint64_t number = 0;
  uint64_t value = 0;      // of a varint, or the bits of a number of 4 or 8 bytes
  std::string_view bytes;  // of a text or an inner message
};

// Calls `see` with each field of a message, in their order. False where the message is damaged.
// Protobuf's own library cannot be had here: LibTorch's headers bring another version of it.
bool SeeProtobufFields(std::string_view message,
                       const std::function<void(const ProtobufField&)>& see);

}  // namespace llava

#endif  // PATCHBAY_PLUGINS_LLAVA_SRC_PROTOBUF_FIELDS_H_
