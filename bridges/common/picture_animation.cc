#include <webp/encode.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "bridges/common/picture.h"

// WebP's container: https://developers.google.com/speed/webp/docs/riff_container. Written here and
// not by libwebpmux, which leaves out frames that are like the one before.

namespace patchbay {
namespace {

constexpr int kMostSide = 16383;
constexpr size_t kRiffHeader = 12;

std::string LittleEndian(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
  return text;
}

std::string Chunk(std::string_view name, std::string_view content) {
  std::string chunk =
      absl::StrCat(std::string(name), LittleEndian(content.size(), 4), std::string(content));
  if (content.size() % 2 != 0) chunk.push_back('\0');
  return chunk;
}

// The pixels' chunk of a WebP file without loss; colours stay where nothing is opaque.
std::string PixelsOf(const Picture& picture) {
  WebPConfig config;
  WebPPicture source;
  WebPMemoryWriter output;
  if (WebPConfigInit(&config) == 0 || WebPPictureInit(&source) == 0) return "";
  WebPConfigLosslessPreset(&config, 1);
  config.exact = 1;
  source.use_argb = 1;
  source.width = picture.width;
  source.height = picture.height;
  WebPMemoryWriterInit(&output);
  source.writer = &WebPMemoryWrite;
  source.custom_ptr = &output;
  const bool is_done =
      WebPPictureImportRGBA(&source, picture.pixels.data(), 4 * picture.width) != 0 &&
      WebPEncode(&config, &source) != 0;
  WebPPictureFree(&source);
  std::string bytes;
  if (is_done) bytes.assign(reinterpret_cast<const char*>(output.mem), output.size);
  WebPMemoryWriterClear(&output);
  return is_done ? bytes.substr(kRiffHeader) : "";
}

}  // namespace

std::string EncodeWebpAnimation(const std::vector<Picture>& frames) {
  const int width = frames.front().width;
  const int height = frames.front().height;
  if (width > kMostSide || height > kMostSide) return "";
  const std::string size = absl::StrCat(LittleEndian(static_cast<uint64_t>(width - 1), 3),
                                        LittleEndian(static_cast<uint64_t>(height - 1), 3));
  constexpr uint64_t kHasAnimationAndOpacity = 0x12;
  constexpr uint64_t kMilliseconds = 125;  // which nobody reads
  constexpr uint64_t kWithoutBlending = 2;
  std::string body =
      absl::StrCat("WEBP", Chunk("VP8X", LittleEndian(kHasAnimationAndOpacity, 4) + size),
                   Chunk("ANIM", LittleEndian(0, 6)));
  for (const Picture& frame : frames) {
    if (frame.width != width || frame.height != height) return "";
    const std::string pixels = PixelsOf(WithChannels(frame, 4));
    if (pixels.empty()) return "";
    body += Chunk("ANMF", absl::StrCat(LittleEndian(0, 6), size, LittleEndian(kMilliseconds, 3),
                                       LittleEndian(kWithoutBlending, 1), pixels));
  }
  return Chunk("RIFF", body);
}

}  // namespace patchbay
