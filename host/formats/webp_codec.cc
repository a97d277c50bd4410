#include <webp/decode.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "host/base/status_macros.h"
#include "host/formats/exif.h"
#include "host/formats/picture_codecs.h"

namespace patchbay {
namespace {

constexpr int kMaxWebpSide = 16383;

WebPData DataOf(absl::Span<const std::byte> bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

struct MuxDeleter {
  void operator()(WebPMux* mux) const { WebPMuxDelete(mux); }
};
using Mux = std::unique_ptr<WebPMux, MuxDeleter>;

int ReadOrientation(absl::Span<const std::byte> bytes) {
  const WebPData data = DataOf(bytes);
  const Mux mux(WebPMuxCreate(&data, 0));
  WebPData exif{};
  if (mux == nullptr || WebPMuxGetChunk(mux.get(), "EXIF", &exif) != WEBP_MUX_OK) return 1;
  auto block = absl::MakeConstSpan(reinterpret_cast<const std::byte*>(exif.bytes), exif.size);
  // Some programs put JPEG's prefix before the TIFF header.
  if (block.size() > 6 && block[0] == std::byte{'E'}) block.remove_prefix(6);
  return ReadExifOrientation(block);
}

absl::StatusOr<std::string> WithExif(const WebPData& picture, const std::string& exif) {
  const Mux mux(WebPMuxCreate(&picture, 0));
  const WebPData chunk{reinterpret_cast<const uint8_t*>(exif.data()), exif.size()};
  WebPData assembled{};
  if (mux == nullptr || WebPMuxSetChunk(mux.get(), "EXIF", &chunk, 0) != WEBP_MUX_OK ||
      WebPMuxAssemble(mux.get(), &assembled) != WEBP_MUX_OK) {
    return absl::InternalError("cannot add the parameters to a WebP file");
  }
  std::string bytes(reinterpret_cast<const char*>(assembled.bytes), assembled.size);
  WebPDataClear(&assembled);
  return bytes;
}

}  // namespace

absl::StatusOr<Picture> DecodeWebp(absl::Span<const std::byte> bytes, const PictureLimits& limits) {
  const WebPData data = DataOf(bytes);
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data.bytes, data.size, &features) != VP8_STATUS_OK) {
    return absl::InvalidArgumentError("damaged WebP file");
  }
  if (features.has_animation != 0) {
    return absl::InvalidArgumentError("this WebP file is an animation; save one of its pictures");
  }
  if (absl::Status status = CheckPictureSize(static_cast<uint64_t>(features.width),
                                             static_cast<uint64_t>(features.height), limits);
      !status.ok()) {
    return status;
  }
  Picture picture{features.width, features.height, features.has_alpha != 0 ? 4 : 3, {}};
  const int stride = picture.width * picture.channels;
  picture.pixels.resize(static_cast<size_t>(stride) * static_cast<size_t>(picture.height));
  const auto decode = picture.channels == 4 ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode(data.bytes, data.size, picture.pixels.data(), picture.pixels.size(), stride) ==
      nullptr) {
    return absl::InvalidArgumentError("damaged WebP file: it is truncated or has corrupt data");
  }
  return ApplyOrientation(std::move(picture), ReadOrientation(bytes));
}

absl::StatusOr<std::string> EncodeWebp(const Picture& picture, int quality,
                                       const std::string& comment) {
  PATCHBAY_RETURN_IF_ERROR(CheckPicture(picture));
  if (picture.width > kMaxWebpSide || picture.height > kMaxWebpSide) {
    return absl::InvalidArgumentError("a WebP picture can be at most 16383 pixels wide and high");
  }
  std::vector<uint8_t> grey_as_rgb;
  const uint8_t* pixels = picture.pixels.data();
  int channels = picture.channels;
  if (channels == 1) {
    for (const uint8_t value : picture.pixels) grey_as_rgb.insert(grey_as_rgb.end(), 3, value);
    pixels = grey_as_rgb.data();
    channels = 3;
  }
  const auto encode = channels == 4 ? WebPEncodeRGBA : WebPEncodeRGB;
  uint8_t* output = nullptr;
  const size_t size = encode(pixels, picture.width, picture.height, picture.width * channels,
                             static_cast<float>(std::clamp(quality, 1, 100)), &output);
  if (size == 0) return absl::InternalError("cannot write a WebP file");
  const WebPData data{output, size};
  absl::StatusOr<std::string> bytes = std::string(reinterpret_cast<const char*>(output), size);
  if (!comment.empty()) bytes = WithExif(data, MakeExifComment(comment));
  WebPFree(output);
  return bytes;
}

}  // namespace patchbay
