#include "host/formats/gif_structure.h"

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr size_t kHeaderBytes = 13;      // signature and logical screen
constexpr size_t kDescriptorBytes = 10;  // of an image, with its introducer
constexpr uint8_t kExtension = 0x21;
constexpr uint8_t kImage = 0x2C;
constexpr uint8_t kTrailer = 0x3B;

class Walk {
 public:
  explicit Walk(absl::Span<const std::byte> bytes) : bytes_(bytes) {}

  absl::StatusOr<GifStructure> Run() {
    PATCHBAY_RETURN_IF_ERROR(Reach(kHeaderBytes));
    structure_.width = Number(6);
    structure_.height = Number(8);
    at_ = kHeaderBytes + PaletteBytes(10);
    for (;;) {
      PATCHBAY_RETURN_IF_ERROR(Reach(at_ + 1));
      const uint8_t kind = Byte(at_);
      if (kind == kTrailer) return structure_;
      if (kind == kImage) {
        PATCHBAY_RETURN_IF_ERROR(PassImage());
      } else if (kind == kExtension) {
        at_ += 2;
        PATCHBAY_RETURN_IF_ERROR(PassSubBlocks());
      } else {
        return absl::InvalidArgumentError(absl::StrCat("damaged GIF file: what follows frame ",
                                                       structure_.frame_count,
                                                       " is no block of a known kind"));
      }
    }
  }

 private:
  uint8_t Byte(size_t place) const { return static_cast<uint8_t>(bytes_[place]); }
  int Number(size_t place) const { return Byte(place) | Byte(place + 1) << 8; }

  // Of the colours that follow a field of flags.
  size_t PaletteBytes(size_t flags) const {
    return (Byte(flags) & 0x80) == 0 ? 0 : size_t{3} << ((Byte(flags) & 7) + 1);
  }

  absl::Status Reach(size_t end) const {
    if (end <= bytes_.size()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "the GIF file is truncated: it ends within frame ", structure_.frame_count + 1));
  }

  absl::Status PassImage() {
    PATCHBAY_RETURN_IF_ERROR(Reach(at_ + kDescriptorBytes));
    // And the size of the codes.
    at_ += kDescriptorBytes + PaletteBytes(at_ + 9) + 1;
    PATCHBAY_RETURN_IF_ERROR(PassSubBlocks());
    ++structure_.frame_count;
    return absl::OkStatus();
  }

  absl::Status PassSubBlocks() {
    for (;;) {
      PATCHBAY_RETURN_IF_ERROR(Reach(at_ + 1));
      const size_t length = Byte(at_);
      at_ += 1 + length;
      if (length == 0) return absl::OkStatus();
    }
  }

  const absl::Span<const std::byte> bytes_;
  GifStructure structure_;
  size_t at_ = 0;
};

}  // namespace

absl::StatusOr<GifStructure> ReadGifStructure(absl::Span<const std::byte> bytes) {
  return Walk(bytes).Run();
}

}  // namespace patchbay
