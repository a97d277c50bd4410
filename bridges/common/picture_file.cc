// clang-format off
// jpeglib.h needs what <cstdio> declares.
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
// clang-format on
#include <png.h>
#include <webp/decode.h>
#include <webp/encode.h>

#include <csetjmp>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/common/picture.h"
#include "bridges/common/picture_orientation.h"
#include "bridges/common/picture_text.h"

namespace patchbay {
namespace {

constexpr uint64_t kMaxPixels = uint64_t{1} << 27;

absl::Status CheckSize(uint64_t width, uint64_t height) {
  if (width > 0 && height > 0 && width <= 65535 && height <= 65535 &&
      width * height <= kMaxPixels) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("a picture of ", width, "x", height, " pixels is too large"));
}

absl::StatusOr<Picture> DecodePng(std::string_view bytes) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) {
    return absl::InvalidArgumentError(absl::StrCat("damaged PNG file: ", image.message));
  }
  if (absl::Status status = CheckSize(image.width, image.height); !status.ok()) {
    png_image_free(&image);
    return status;
  }
  image.format = PNG_FORMAT_RGBA;
  // Else libpng takes 16 bits for linear light.
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  Picture picture =
      BlankPicture(static_cast<int>(image.width), static_cast<int>(image.height), 4, 0);
  if (png_image_finish_read(&image, nullptr, picture.pixels.data(), 0, nullptr) == 0) {
    return absl::InvalidArgumentError(absl::StrCat("damaged PNG file: ", image.message));
  }
  return picture;
}

// libjpeg's errors come back as a jump to where the call was made.
struct JpegErrors {
  jpeg_error_mgr manager;
  jmp_buf place;
};

void JumpOnError(j_common_ptr info) { longjmp(reinterpret_cast<JpegErrors*>(info->err)->place, 1); }

void SayNothing(j_common_ptr) {}

// In place. Adobe's programs, of which practically all such files are, write how much ink is left
// out.
void ConvertCmyk(bool is_inverted, Picture& picture) {
  for (size_t i = 0; i < picture.pixels.size(); i += 4) {
    uint8_t* const pixel = &picture.pixels[i];
    const int white = is_inverted ? pixel[3] : 255 - pixel[3];
    for (int c = 0; c < 3; ++c) {
      const int light = is_inverted ? pixel[c] : 255 - pixel[c];
      pixel[c] = static_cast<uint8_t>((light * white + 127) / 255);
    }
    pixel[3] = 255;
  }
}

bool DecodeJpegInto(std::string_view bytes, Picture& picture) {
  jpeg_decompress_struct info;
  JpegErrors errors;
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = JumpOnError;
  errors.manager.output_message = SayNothing;
  if (setjmp(errors.place) != 0) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&info, TRUE);
  if (!CheckSize(info.image_width, info.image_height).ok()) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  const bool is_cmyk = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  const bool is_inverted = info.saw_Adobe_marker != 0;
  info.out_color_space = is_cmyk ? JCS_CMYK : JCS_EXT_RGBA;
  jpeg_start_decompress(&info);
  picture =
      BlankPicture(static_cast<int>(info.output_width), static_cast<int>(info.output_height), 4, 0);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = picture.At(0, static_cast<int>(info.output_scanline));
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  if (is_cmyk) ConvertCmyk(is_inverted, picture);
  return true;
}

absl::StatusOr<Picture> DecodeWebp(std::string_view bytes) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data, bytes.size(), &features) != VP8_STATUS_OK) {
    return absl::InvalidArgumentError("damaged WebP file");
  }
  if (features.has_animation != 0) {
    return absl::InvalidArgumentError("this WebP file is an animation; save one of its pictures");
  }
  const int width = features.width, height = features.height;
  if (absl::Status status = CheckSize(width, height); !status.ok()) return status;
  Picture picture = BlankPicture(width, height, 4, 0);
  if (WebPDecodeRGBAInto(data, bytes.size(), picture.pixels.data(), picture.pixels.size(),
                         width * 4) == nullptr) {
    return absl::InvalidArgumentError("damaged WebP file");
  }
  return picture;
}

absl::StatusOr<Picture> DecodeAsStored(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return DecodePng(bytes);
  if (bytes.starts_with("\xff\xd8\xff")) {
    Picture picture;
    if (DecodeJpegInto(bytes, picture)) return picture;
    return absl::InvalidArgumentError("damaged or too large JPEG file");
  }
  if (bytes.size() > 12 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP") {
    return DecodeWebp(bytes);
  }
  const char* const format =
      bytes.starts_with("GIF8")                                                     ? "GIF"
      : bytes.starts_with("BM")                                                     ? "BMP"
      : bytes.starts_with("II*") || bytes.starts_with(std::string_view("MM\0*", 4)) ? "TIFF"
                                                                                    : nullptr;
  return absl::InvalidArgumentError(
      format == nullptr
          ? "this is no PNG, JPEG or WebP file"
          : absl::StrCat("this is a ", format, " picture; save it as PNG, JPEG or WebP"));
}

}  // namespace

absl::StatusOr<Picture> DecodePicture(std::string_view bytes) {
  absl::StatusOr<Picture> picture = DecodeAsStored(bytes);
  if (!picture.ok()) return picture;
  return Upright(*picture, OrientationInExif(ReadExif(bytes)));
}

std::string EncodePng(const Picture& picture) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width);
  image.height = static_cast<png_uint_32>(picture.height);
  image.format = picture.channels == 1   ? PNG_FORMAT_GRAY
                 : picture.channels == 3 ? PNG_FORMAT_RGB
                                         : PNG_FORMAT_RGBA;
  image.flags = PNG_IMAGE_FLAG_FAST;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string bytes(size, '\0');
  if (png_image_write_to_memory(&image, bytes.data(), &size, 0, picture.pixels.data(), 0,
                                nullptr) == 0) {
    return "";
  }
  bytes.resize(size);
  return bytes;
}

std::string EncodeJpeg(const Picture& source, int quality) {
  const Picture picture = source.channels == 1 ? source : WithChannels(source, 3);
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;  // libjpeg's type
  jpeg_mem_dest(&info, &buffer, &size);
  info.image_width = static_cast<JDIMENSION>(picture.width);
  info.image_height = static_cast<JDIMENSION>(picture.height);
  info.input_components = picture.channels;
  info.in_color_space = picture.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<JSAMPROW>(picture.At(0, static_cast<int>(info.next_scanline)));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string bytes(reinterpret_cast<char*>(buffer), size);
  std::free(buffer);
  return bytes;
}

std::string EncodeWebp(const Picture& source, int quality) {
  const Picture picture = WithChannels(source, source.channels == 4 ? 4 : 3);
  uint8_t* buffer = nullptr;
  const int stride = picture.width * picture.channels;
  const auto encode = picture.channels == 4 ? WebPEncodeRGBA : WebPEncodeRGB;
  const size_t size = encode(picture.pixels.data(), picture.width, picture.height, stride,
                             static_cast<float>(quality), &buffer);
  std::string bytes(reinterpret_cast<char*>(buffer), size);
  WebPFree(buffer);
  return bytes;
}

}  // namespace patchbay
