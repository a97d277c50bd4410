#include "plugins/llava/src/protobuf_fields.h"

#include <cstddef>

namespace llava {
namespace {

enum WireType : uint64_t { kVarint = 0, kEightBytes = 1, kLengthDelimited = 2, kFourBytes = 5 };

class Cursor {
 public:
  explicit Cursor(std::string_view message) : rest_(message) {}

  bool AtEnd() const { return rest_.empty(); }

  bool ReadField(ProtobufField& field) {
    uint64_t tag = 0;
    if (!ReadVarint(tag)) return false;
    field.number = tag >> 3;
    switch (tag & 7) {
      case kVarint:
        return ReadVarint(field.value);
      case kEightBytes:
        return ReadBits(8, field.value);
      case kFourBytes:
        return ReadBits(4, field.value);
      case kLengthDelimited: {
        uint64_t length = 0;
        return ReadVarint(length) && ReadBytes(length, field.bytes);
      }
      default:
        return false;
    }
  }

 private:
  bool ReadBytes(uint64_t count, std::string_view& bytes) {
    if (count > rest_.size()) return false;
    bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return true;
  }

  // The least significant byte comes first.
  bool ReadBits(uint64_t count, uint64_t& value) {
    std::string_view bytes;
    if (!ReadBytes(count, bytes)) return false;
    value = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
      value |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
    }
    return true;
  }

  bool ReadVarint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      uint64_t byte = 0;
      if (!ReadBits(1, byte)) return false;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  std::string_view rest_;
};

}  // namespace

bool SeeProtobufFields(std::string_view message,
                       const std::function<void(const ProtobufField&)>& see) {
  for (Cursor cursor(message); !cursor.AtEnd();) {
    ProtobufField field;
    if (!cursor.ReadField(field)) return false;
    see(field);
  }
  return true;
}

}  // namespace llava
