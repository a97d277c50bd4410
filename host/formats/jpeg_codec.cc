#include <cstdio>
// jpeglib.h needs FILE and size_t declared before it.
#include <jpeglib.h>
// ... and after it:
#include <jerror.h>

#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/exif.h"
#include "host/formats/picture_codecs.h"

namespace patchbay {
namespace {

constexpr std::string_view kExifPrefix("Exif\0\0", 6);
constexpr size_t kMaxMarkerBytes = 65533;
// A progressive file can have thousands of empty scans over a large picture, minutes of work.
constexpr int kMaxScans = 500;

// libjpeg reports errors by jumping out, past C++ destructors: everything that the jump may cross
// lives in objects that belong to the caller's frame.
struct ErrorHandling {
  jpeg_error_mgr manager;
  jmp_buf jump;
  char message[JMSG_LENGTH_MAX] = "";
  bool damaged = false;
};

void OnError(j_common_ptr jpeg) {
  auto* handling = reinterpret_cast<ErrorHandling*>(jpeg->err);
  jpeg->err->format_message(jpeg, handling->message);
  longjmp(handling->jump, 1);
}

// libjpeg fills what is missing or illegible with grey and warns; other warnings are about harmless
// carelessness of the program that wrote the file.
bool TellsOfDamage(int warning) {
  return warning != JWRN_EXTRANEOUS_DATA && warning != JWRN_ADOBE_XFORM &&
         warning != JWRN_JFIF_MAJOR && warning != JWRN_TOO_MUCH_DATA;
}

// level: -1 for a warning, else how chatty a trace message is.
void OnMessage(j_common_ptr jpeg, int level) {
  auto* handling = reinterpret_cast<ErrorHandling*>(jpeg->err);
  if (level >= 0 || handling->damaged || !TellsOfDamage(jpeg->err->msg_code)) return;
  handling->damaged = true;
  jpeg->err->format_message(jpeg, handling->message);
}

void OnProgress(j_common_ptr jpeg) {
  if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number <= kMaxScans) return;
  auto* handling = reinterpret_cast<ErrorHandling*>(jpeg->err);
  std::snprintf(handling->message, sizeof(handling->message), "more than %d scans", kMaxScans);
  longjmp(handling->jump, 1);
}

void Prepare(ErrorHandling& handling) {
  jpeg_std_error(&handling.manager);
  handling.manager.error_exit = OnError;
  handling.manager.emit_message = OnMessage;
}

struct JpegReading {
  ErrorHandling handling;
  jpeg_decompress_struct jpeg{};
  jpeg_progress_mgr progress{};
  absl::Status size_status;
  Picture picture;
  bool inverted_cmyk = false;
  int orientation = 1;

  ~JpegReading() { jpeg_destroy_decompress(&jpeg); }
};

void ReadOrientation(JpegReading& reading) {
  for (jpeg_saved_marker_ptr marker = reading.jpeg.marker_list; marker != nullptr;
       marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (data.substr(0, kExifPrefix.size()) != kExifPrefix) continue;
    reading.orientation = ReadExifOrientation(
        absl::MakeConstSpan(reinterpret_cast<const std::byte*>(marker->data), marker->data_length)
            .subspan(kExifPrefix.size()));
  }
}

// Nothing with a destructor may be created in here after setjmp.
bool ReadPixels(JpegReading& reading, absl::Span<const std::byte> bytes,
                const PictureLimits& limits) {
  jpeg_decompress_struct& jpeg = reading.jpeg;
  if (setjmp(reading.handling.jump) != 0) return false;
  jpeg_create_decompress(&jpeg);
  reading.progress.progress_monitor = OnProgress;
  jpeg.progress = &reading.progress;
  jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_save_markers(&jpeg, JPEG_APP0 + 1, kMaxMarkerBytes);
  jpeg_read_header(&jpeg, TRUE);
  reading.size_status = CheckPictureSize(jpeg.image_width, jpeg.image_height, limits);
  if (!reading.size_status.ok()) return false;
  ReadOrientation(reading);
  const bool cmyk = jpeg.jpeg_color_space == JCS_CMYK || jpeg.jpeg_color_space == JCS_YCCK;
  // Adobe's programs store CMYK inverted, and practically all CMYK files come from them.
  reading.inverted_cmyk = cmyk && jpeg.saw_Adobe_marker != 0;
  jpeg.out_color_space = cmyk                                     ? JCS_CMYK
                         : jpeg.jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE
                                                                  : JCS_RGB;
  jpeg_start_decompress(&jpeg);
  reading.picture.width = static_cast<int>(jpeg.output_width);
  reading.picture.height = static_cast<int>(jpeg.output_height);
  reading.picture.channels = jpeg.output_components;
  const size_t stride = size_t{jpeg.output_width} * static_cast<size_t>(jpeg.output_components);
  reading.picture.pixels.resize(stride * jpeg.output_height);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = reading.picture.pixels.data() + stride * jpeg.output_scanline;
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

Picture CmykToRgb(const Picture& cmyk, bool inverted) {
  Picture rgb{cmyk.width, cmyk.height, 3, {}};
  rgb.pixels.reserve(cmyk.pixels.size() / 4 * 3);
  for (size_t i = 0; i < cmyk.pixels.size(); i += 4) {
    for (size_t channel = 0; channel < 3; ++channel) {
      // How much light is left: 255 minus the ink.
      const int light = inverted ? cmyk.pixels[i + channel] : 255 - cmyk.pixels[i + channel];
      const int white = inverted ? cmyk.pixels[i + 3] : 255 - cmyk.pixels[i + 3];
      rgb.pixels.push_back(static_cast<uint8_t>((light * white + 127) / 255));
    }
  }
  return rgb;
}

struct JpegWriting {
  ErrorHandling handling;
  jpeg_compress_struct jpeg{};
  unsigned char* buffer = nullptr;
  unsigned long size = 0;

  ~JpegWriting() {
    jpeg_destroy_compress(&jpeg);
    std::free(buffer);
  }
};

// Nothing with a destructor may be created in here after setjmp.
bool WritePixels(JpegWriting& writing, const Picture& picture, int quality,
                 const std::string& exif) {
  jpeg_compress_struct& jpeg = writing.jpeg;
  if (setjmp(writing.handling.jump) != 0) return false;
  jpeg_create_compress(&jpeg);
  jpeg_mem_dest(&jpeg, &writing.buffer, &writing.size);
  jpeg.image_width = static_cast<JDIMENSION>(picture.width);
  jpeg.image_height = static_cast<JDIMENSION>(picture.height);
  jpeg.input_components = picture.channels;
  jpeg.in_color_space = picture.channels == 1   ? JCS_GRAYSCALE
                        : picture.channels == 4 ? JCS_EXT_RGBX
                                                : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, quality, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  if (!exif.empty()) {
    jpeg_write_marker(&jpeg, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(exif.data()),
                      static_cast<unsigned>(exif.size()));
  }
  const size_t stride = static_cast<size_t>(picture.width) * static_cast<size_t>(picture.channels);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(picture.pixels.data() + stride * jpeg.next_scanline);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  return true;
}

}  // namespace

absl::StatusOr<Picture> DecodeJpeg(absl::Span<const std::byte> bytes, const PictureLimits& limits) {
  JpegReading reading;
  Prepare(reading.handling);
  reading.jpeg.err = &reading.handling.manager;
  if (!ReadPixels(reading, bytes, limits)) {
    if (!reading.size_status.ok()) return reading.size_status;
    return absl::InvalidArgumentError(
        absl::StrCat("damaged JPEG file: ", reading.handling.message));
  }
  if (reading.handling.damaged) {
    return absl::InvalidArgumentError(absl::StrCat(
        "damaged JPEG file: it is truncated or has corrupt data (", reading.handling.message, ")"));
  }
  Picture picture = std::move(reading.picture);
  if (picture.channels == 4) picture = CmykToRgb(picture, reading.inverted_cmyk);
  return ApplyOrientation(std::move(picture), reading.orientation);
}

absl::StatusOr<std::string> EncodeJpeg(const Picture& picture, int quality,
                                       const std::string& comment) {
  PATCHBAY_RETURN_IF_ERROR(CheckPicture(picture));
  std::string exif;
  if (!comment.empty()) exif = std::string(kExifPrefix) + MakeExifComment(comment);
  if (exif.size() > kMaxMarkerBytes) {
    return absl::InvalidArgumentError(
        "the picture's parameters are too long for a JPEG file; write a PNG file");
  }
  JpegWriting writing;
  Prepare(writing.handling);
  writing.jpeg.err = &writing.handling.manager;
  if (!WritePixels(writing, picture, quality, exif)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write a JPEG file: ", writing.handling.message));
  }
  return std::string(reinterpret_cast<const char*>(writing.buffer), writing.size);
}

}  // namespace patchbay
