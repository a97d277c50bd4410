#include "bridges/common/picture_text.h"

#include <png.h>
#include <webp/mux.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "bridges/common/utf_text.h"

namespace patchbay {
namespace {

constexpr std::string_view kPngSignature("\x89PNG\r\n\x1a\n", 8);
constexpr std::string_view kExifHeader("Exif\0\0", 6);
constexpr std::string_view kUnicodePrefix("UNICODE\0", 8);
// An EXIF segment's length is a number of 16 bits that counts itself.
constexpr size_t kMaxJpegExif = 65533;

std::string BigEndian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

uint32_t ReadBigEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::string PngChunk(std::string_view type, const std::string& data) {
  const std::string body = std::string(type) + data;
  const auto sum =
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return BigEndian(static_cast<uint32_t>(data.size())) + body +
         BigEndian(static_cast<uint32_t>(sum));
}

std::string TextChunk(const std::string& keyword, const std::string& text) {
  const std::string key = keyword.substr(0, 79) + '\0';
  if (const auto latin = Latin1FromUtf8(text); latin.has_value()) {
    return PngChunk("tEXt", key + *latin);
  }
  // No compression, no language, no translated keyword.
  return PngChunk("iTXt", key + std::string(4, '\0') + text);
}

std::string WithPngText(std::string_view bytes, const std::map<std::string, std::string>& texts) {
  std::string result(kPngSignature);
  size_t place = kPngSignature.size();
  while (place + 12 <= bytes.size()) {
    const uint64_t length = ReadBigEndian(bytes.substr(place));
    if (place + 12 + length > bytes.size()) return std::string(bytes);
    const std::string_view chunk = bytes.substr(place, 12 + length);
    const std::string_view type = chunk.substr(4, 4);
    place += chunk.size();
    if (type == "tEXt" || type == "zTXt" || type == "iTXt") {
      const std::string_view data = chunk.substr(8, length);
      if (texts.count(std::string(data.substr(0, data.find('\0')))) > 0) continue;
    }
    result += chunk;
    if (type != "IHDR") continue;
    for (const auto& [keyword, text] : texts) result += TextChunk(keyword, text);
  }
  return result;
}

struct PngReader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
};

struct Source {
  std::string_view bytes;
  size_t place = 0;
};

void ReadBytes(png_structp png, png_bytep to, png_size_t count) {
  auto& source = *static_cast<Source*>(png_get_io_ptr(png));
  if (source.bytes.size() - source.place < count) png_error(png, "the file ends too early");
  std::memcpy(to, source.bytes.data() + source.place, count);
  source.place += count;
}

void IgnoreWarning(png_structp, png_const_charp) {}

// libpng's errors come back as a jump, so nothing with a destructor lives between here and them.
bool ReadPngInfo(PngReader& reader, Source& source) {
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, IgnoreWarning);
  reader.info = png_create_info_struct(reader.png);
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_read_fn(reader.png, &source, ReadBytes);
  png_read_info(reader.png, reader.info);
  return true;
}

absl::StatusOr<std::map<std::string, std::string>> ReadPngText(std::string_view bytes) {
  PngReader reader;
  Source source{bytes};
  if (!ReadPngInfo(reader, source)) return absl::InvalidArgumentError("damaged PNG file");
  png_textp texts = nullptr;
  int count = 0;
  png_get_text(reader.png, reader.info, &texts, &count);
  std::map<std::string, std::string> result;
  for (int i = 0; i < count; ++i) {
    const bool international = texts[i].compression >= PNG_ITXT_COMPRESSION_NONE;
    const size_t length = international ? texts[i].itxt_length : texts[i].text_length;
    const std::string text(texts[i].text, length);
    result[texts[i].key] = international ? text : Utf8FromLatin1(text);
  }
  return result;
}

// A TIFF structure with one EXIF directory and in it one UserComment (Exif 2.32, 4.6.5).
std::string ExifWithComment(const std::string& text) {
  const std::string comment = std::string(kUnicodePrefix) + Utf16BigEndianFromUtf8(text);
  const auto entry = [](uint16_t tag, uint16_t type, uint32_t count, uint32_t value) {
    return BigEndian(uint32_t{tag} << 16 | type) + BigEndian(count) + BigEndian(value);
  };
  const std::string one("\0\1", 2), end(4, '\0');
  return std::string("MM\0*", 4) + BigEndian(8) + one + entry(0x8769, 4, 1, 26) + end + one +
         entry(0x9286, 7, static_cast<uint32_t>(comment.size()), 44) + end + comment;
}

// The comment by its prefix: whoever wrote the file decides in what order its directories stand.
std::string CommentInExif(std::string_view exif) {
  const size_t prefix = exif.find(kUnicodePrefix);
  if (prefix == exif.npos) return "";
  return Utf8FromUtf16(exif.substr(prefix + kUnicodePrefix.size()),
                       /*big_endian=*/!exif.starts_with("II"));
}

std::string WithJpegText(std::string_view bytes, const std::string& text) {
  const std::string exif = std::string(kExifHeader) + ExifWithComment(text);
  if (exif.size() > kMaxJpegExif) return std::string(bytes);
  const auto length = static_cast<uint16_t>(exif.size() + 2);
  return std::string(bytes.substr(0, 2)) + "\xff\xe1" + static_cast<char>(length >> 8) +
         static_cast<char>(length & 255) + exif + std::string(bytes.substr(2));
}

std::string JpegExif(std::string_view bytes) {
  for (size_t place = 2; place + 4 <= bytes.size() && bytes[place] == '\xff';) {
    const size_t length = ReadBigEndian(bytes.substr(place)) & 0xffff;
    const std::string_view data = bytes.substr(place + 4, length < 2 ? 0 : length - 2);
    if (bytes[place + 1] == '\xe1' && data.starts_with(kExifHeader)) {
      return std::string(data.substr(kExifHeader.size()));
    }
    place += 2 + length;
  }
  return "";
}

using Mux = std::unique_ptr<WebPMux, void (*)(WebPMux*)>;

Mux OpenWebp(std::string_view bytes) {
  const WebPData data{reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  return Mux(WebPMuxCreate(&data, 0), WebPMuxDelete);
}

std::string WithWebpText(std::string_view bytes, const std::string& text) {
  const Mux mux = OpenWebp(bytes);
  if (mux == nullptr) return std::string(bytes);
  const std::string exif = ExifWithComment(text);
  const WebPData chunk{reinterpret_cast<const uint8_t*>(exif.data()), exif.size()};
  WebPData whole{nullptr, 0};
  if (WebPMuxSetChunk(mux.get(), "EXIF", &chunk, 1) != WEBP_MUX_OK ||
      WebPMuxAssemble(mux.get(), &whole) != WEBP_MUX_OK) {
    return std::string(bytes);
  }
  std::string result(reinterpret_cast<const char*>(whole.bytes), whole.size);
  WebPDataClear(&whole);
  return result;
}

bool IsWebp(std::string_view bytes) {
  return bytes.size() > 12 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP";
}

}  // namespace

std::string ReadExif(std::string_view bytes) {
  if (bytes.starts_with("\xff\xd8")) return JpegExif(bytes);
  if (!IsWebp(bytes)) return "";
  const Mux mux = OpenWebp(bytes);
  WebPData chunk{nullptr, 0};
  if (mux == nullptr || WebPMuxGetChunk(mux.get(), "EXIF", &chunk) != WEBP_MUX_OK) return "";
  const std::string_view exif(reinterpret_cast<const char*>(chunk.bytes), chunk.size);
  return std::string(exif.starts_with(kExifHeader) ? exif.substr(kExifHeader.size()) : exif);
}

absl::StatusOr<std::map<std::string, std::string>> ReadPictureText(std::string_view bytes) {
  if (bytes.starts_with(kPngSignature)) return ReadPngText(bytes);
  const std::string comment = CommentInExif(ReadExif(bytes));
  std::map<std::string, std::string> texts;
  if (!comment.empty()) texts["parameters"] = comment;
  return texts;
}

std::string WithPictureText(std::string_view bytes,
                            const std::map<std::string, std::string>& texts) {
  if (bytes.starts_with(kPngSignature)) return WithPngText(bytes, texts);
  const auto parameters = texts.find("parameters");
  if (parameters == texts.end()) return std::string(bytes);
  if (bytes.starts_with("\xff\xd8")) return WithJpegText(bytes, parameters->second);
  if (IsWebp(bytes)) return WithWebpText(bytes, parameters->second);
  return std::string(bytes);
}

}  // namespace patchbay
