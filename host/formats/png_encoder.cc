#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/picture.h"
#include "host/formats/picture_codecs.h"

namespace patchbay {
namespace {

// libpng reports errors by jumping out, past C++ destructors: everything that the jump may cross
// lives in this object, which belongs to the caller's frame.
struct PngWriting {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::string bytes;
  std::string error;
  std::vector<png_text> chunks;
  std::vector<png_bytep> rows;

  ~PngWriting() { png_destroy_write_struct(&png, &info); }
};

void OnError(png_structp png, png_const_charp message) {
  static_cast<PngWriting*>(png_get_error_ptr(png))->error = message;
  longjmp(png_jmpbuf(png), 1);
}

void OnWarning(png_structp, png_const_charp) {}

void OnWrite(png_structp png, png_bytep data, png_size_t size) {
  static_cast<PngWriting*>(png_get_io_ptr(png))
      ->bytes.append(reinterpret_cast<const char*>(data), size);
}

bool IsAscii(const std::string& text) {
  for (const char character : text) {
    if (static_cast<unsigned char>(character) >= 0x80) return false;
  }
  return true;
}

constexpr size_t kMaxKeywordBytes = 79;

// libpng would shorten what it cannot write.
absl::Status CheckText(const std::map<std::string, std::string>& text) {
  for (const auto& [keyword, value] : text) {
    const bool printable = std::all_of(keyword.begin(), keyword.end(), [](char character) {
      return character >= ' ' && character <= '~';
    });
    if (keyword.empty() || keyword.size() > kMaxKeywordBytes || !printable ||
        keyword.front() == ' ' || keyword.back() == ' ') {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", keyword,
                       "\" cannot be a PNG text's keyword: 1 to 79 ASCII characters, "
                       "no space at either end"));
    }
    if (value.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("the PNG text \"", keyword, "\" has a zero byte in it"));
    }
  }
  return absl::OkStatus();
}

void AddText(PngWriting& writing, const std::map<std::string, std::string>& text) {
  for (const auto& [keyword, value] : text) {
    png_text chunk{};
    chunk.key = const_cast<png_charp>(keyword.c_str());
    chunk.text = const_cast<png_charp>(value.c_str());
    chunk.compression = IsAscii(value) ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
    if (chunk.compression == PNG_TEXT_COMPRESSION_NONE) {
      chunk.text_length = value.size();
    } else {
      chunk.itxt_length = value.size();
    }
    writing.chunks.push_back(chunk);
  }
}

int ColorType(int channels) {
  if (channels == 1) return PNG_COLOR_TYPE_GRAY;
  return channels == 4 ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB;
}

// Nothing with a destructor may be created in here after setjmp.
bool Write(PngWriting& writing, const Picture& picture) {
  if (setjmp(png_jmpbuf(writing.png)) != 0) return false;
  png_set_write_fn(writing.png, &writing, OnWrite, nullptr);
  png_set_IHDR(writing.png, writing.info, static_cast<png_uint_32>(picture.width),
               static_cast<png_uint_32>(picture.height), 8, ColorType(picture.channels),
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!writing.chunks.empty()) {
    png_set_text(writing.png, writing.info, writing.chunks.data(),
                 static_cast<int>(writing.chunks.size()));
  }
  png_write_info(writing.png, writing.info);
  png_write_image(writing.png, writing.rows.data());
  png_write_end(writing.png, nullptr);
  return true;
}

}  // namespace

absl::StatusOr<std::string> EncodePng(const Picture& picture,
                                      const std::map<std::string, std::string>& text) {
  PATCHBAY_RETURN_IF_ERROR(CheckPicture(picture));
  PATCHBAY_RETURN_IF_ERROR(CheckText(text));
  PngWriting writing;
  writing.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writing, OnError, OnWarning);
  writing.info = writing.png == nullptr ? nullptr : png_create_info_struct(writing.png);
  if (writing.info == nullptr) return absl::ResourceExhaustedError("no memory to write a PNG file");
  AddText(writing, text);
  const size_t stride = static_cast<size_t>(picture.width) * static_cast<size_t>(picture.channels);
  for (int y = 0; y < picture.height; ++y) {
    writing.rows.push_back(
        const_cast<png_bytep>(picture.pixels.data() + static_cast<size_t>(y) * stride));
  }
  if (!Write(writing, picture)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot write a PNG file: ", writing.error));
  }
  return std::move(writing.bytes);
}

}  // namespace patchbay
