#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/exif.h"
#include "host/formats/picture_codecs.h"

namespace patchbay {
namespace {

// Compressed text can be a thousand times as large as the file.
constexpr png_uint_32 kMaxTextChunks = 64;
constexpr png_alloc_size_t kMaxChunkBytes = 8u << 20;
constexpr png_byte kTextChunks[] = "tEXt\0zTXt\0iTXt";
constexpr int kTextChunkKinds = 3;

// libpng reports errors by jumping out, past C++ destructors: everything that the jump may cross
// lives in this object, which belongs to the caller's frame.
struct PngReading {
  png_structp png = nullptr;
  png_infop info = nullptr;
  absl::Span<const std::byte> rest;
  std::string error;
  absl::Status size_status;
  Picture picture;
  std::vector<png_bytep> rows;
  std::map<std::string, std::string> text;

  ~PngReading() { png_destroy_read_struct(&png, &info, nullptr); }
};

void OnError(png_structp png, png_const_charp message) {
  static_cast<PngReading*>(png_get_error_ptr(png))->error = message;
  longjmp(png_jmpbuf(png), 1);
}

void OnWarning(png_structp, png_const_charp) {}

void OnRead(png_structp png, png_bytep target, png_size_t size) {
  auto* reading = static_cast<PngReading*>(png_get_io_ptr(png));
  if (size > reading->rest.size()) png_error(png, "the file is truncated");
  std::memcpy(target, reading->rest.data(), size);
  reading->rest.remove_prefix(size);
}

// libpng takes the memory that a chunk claims before it reads it. Whether each chunk lies inside
// the file is checked beforehand, so that it never takes more than the file has.
absl::Status CheckChunks(absl::Span<const std::byte> bytes) {
  constexpr size_t kSignatureBytes = 8;
  constexpr size_t kFrameBytes = 12;  // length, type and checksum
  bytes.remove_prefix(std::min(bytes.size(), kSignatureBytes));
  while (bytes.size() >= kFrameBytes) {
    const auto* chunk = reinterpret_cast<png_const_bytep>(bytes.data());
    const size_t length = png_get_uint_32(chunk);
    const std::string_view type(reinterpret_cast<const char*>(chunk) + 4, 4);
    if (type == "IEND") return absl::OkStatus();
    if (length > bytes.size() - kFrameBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("damaged PNG file: the file is truncated, a chunk of it claims ", length,
                       " bytes and has ", bytes.size() - kFrameBytes));
    }
    bytes.remove_prefix(length + kFrameBytes);
  }
  return absl::InvalidArgumentError("damaged PNG file: the file is truncated");
}

bool Begin(PngReading& reading, absl::Span<const std::byte> bytes) {
  reading.rest = bytes;
  reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, OnError, OnWarning);
  if (reading.png == nullptr) return false;
  reading.info = png_create_info_struct(reading.png);
  if (reading.info == nullptr) return false;
  png_set_read_fn(reading.png, &reading, OnRead);
  // CheckPictureSize says it better than libpng's own limit.
  png_set_user_limits(reading.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_chunk_cache_max(reading.png, kMaxTextChunks);
  png_set_chunk_malloc_max(reading.png, kMaxChunkBytes);
  return true;
}

// To 8 bits a channel, palettes resolved, transparent colours as opacity.
void SimplifyFormat(png_structp png, png_infop info) {
  png_set_scale_16(png);
  png_set_expand(png);
  if (png_get_color_type(png, info) == PNG_COLOR_TYPE_GRAY_ALPHA ||
      (png_get_color_type(png, info) == PNG_COLOR_TYPE_GRAY &&
       png_get_valid(png, info, PNG_INFO_tRNS) != 0)) {
    png_set_gray_to_rgb(png);
  }
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
}

// Nothing with a destructor may be created in here after setjmp.
bool ReadPixels(PngReading& reading, const PictureLimits& limits) {
  if (setjmp(png_jmpbuf(reading.png)) != 0) return false;
  png_set_keep_unknown_chunks(reading.png, PNG_HANDLE_CHUNK_NEVER, kTextChunks, kTextChunkKinds);
  png_read_info(reading.png, reading.info);
  const png_uint_32 width = png_get_image_width(reading.png, reading.info);
  const png_uint_32 height = png_get_image_height(reading.png, reading.info);
  reading.size_status = CheckPictureSize(width, height, limits);
  if (!reading.size_status.ok()) return false;
  SimplifyFormat(reading.png, reading.info);
  reading.picture.width = static_cast<int>(width);
  reading.picture.height = static_cast<int>(height);
  reading.picture.channels = png_get_channels(reading.png, reading.info);
  const size_t stride = png_get_rowbytes(reading.png, reading.info);
  reading.picture.pixels.resize(stride * height);
  reading.rows.resize(height);
  for (png_uint_32 y = 0; y < height; ++y) {
    reading.rows[y] = reading.picture.pixels.data() + y * stride;
  }
  png_read_image(reading.png, reading.rows.data());
  png_read_end(reading.png, reading.info);
  return true;
}

// Text may stand before and after the pixels, which libpng cannot leap over: they are unpacked row
// by row and dropped.
bool ReadChunks(PngReading& reading, const PictureLimits& limits) {
  if (setjmp(png_jmpbuf(reading.png)) != 0) return false;
  png_read_info(reading.png, reading.info);
  const png_uint_32 height = png_get_image_height(reading.png, reading.info);
  reading.size_status =
      CheckPictureSize(png_get_image_width(reading.png, reading.info), height, limits);
  if (!reading.size_status.ok()) return false;
  const int passes = png_set_interlace_handling(reading.png);
  png_read_update_info(reading.png, reading.info);
  for (int pass = 0; pass < passes; ++pass) {
    for (png_uint_32 y = 0; y < height; ++y) png_read_row(reading.png, nullptr, nullptr);
  }
  png_read_end(reading.png, reading.info);
  return true;
}

absl::Status Failure(const PngReading& reading) {
  if (!reading.size_status.ok()) return reading.size_status;
  return absl::InvalidArgumentError(absl::StrCat("damaged PNG file: ", reading.error));
}

}  // namespace

absl::StatusOr<Picture> DecodePng(absl::Span<const std::byte> bytes, const PictureLimits& limits) {
  PATCHBAY_RETURN_IF_ERROR(CheckChunks(bytes));
  PngReading reading;
  if (!Begin(reading, bytes)) return absl::ResourceExhaustedError("no memory to read a PNG file");
  if (!ReadPixels(reading, limits)) return Failure(reading);
  int orientation = 1;
#ifdef PNG_eXIf_SUPPORTED
  png_bytep exif = nullptr;
  png_uint_32 exif_size = 0;
  if (png_get_eXIf_1(reading.png, reading.info, &exif_size, &exif) != 0 && exif != nullptr) {
    orientation = ReadExifOrientation(
        absl::MakeConstSpan(reinterpret_cast<const std::byte*>(exif), exif_size));
  }
#endif
  return ApplyOrientation(std::move(reading.picture), orientation);
}

absl::StatusOr<std::map<std::string, std::string>> ReadPngText(absl::Span<const std::byte> bytes,
                                                               const PictureLimits& limits) {
  if (bytes.size() < 8 || png_sig_cmp(reinterpret_cast<png_const_bytep>(bytes.data()), 0, 8) != 0) {
    return absl::InvalidArgumentError("this is no PNG file");
  }
  PATCHBAY_RETURN_IF_ERROR(CheckChunks(bytes));
  PngReading reading;
  if (!Begin(reading, bytes)) return absl::ResourceExhaustedError("no memory to read a PNG file");
  if (!ReadChunks(reading, limits)) return Failure(reading);
  png_textp chunks = nullptr;
  int count = 0;
  png_get_text(reading.png, reading.info, &chunks, &count);
  for (int i = 0; i < count; ++i) {
    const png_text& chunk = chunks[i];
    const bool utf8 = chunk.compression >= PNG_ITXT_COMPRESSION_NONE;
    std::string value;
    const std::string_view stored(chunk.text, utf8 ? chunk.itxt_length : chunk.text_length);
    for (const char character : stored) {
      const auto byte = static_cast<unsigned char>(character);
      if (utf8 || byte < 0x80) {
        value.push_back(character);
      } else {
        // tEXt is Latin-1.
        value.push_back(static_cast<char>(0xC0 | byte >> 6));
        value.push_back(static_cast<char>(0x80 | (byte & 0x3F)));
      }
    }
    reading.text.emplace(chunk.key, std::move(value));
  }
  return std::move(reading.text);
}

}  // namespace patchbay
