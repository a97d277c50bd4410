#ifndef PATCHBAY_HOST_FORMATS_FRAME_WRITER_H_
#define PATCHBAY_HOST_FORMATS_FRAME_WRITER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/formats/frames.h"
#include "host/formats/picture.h"

namespace patchbay {

enum class ClipFormat {
  kMp4,     // H.264, or MPEG-4 where this libav has no encoder for it; even sizes
  kWebm,    // VP9
  kGif,     // 256 colours a frame
  kWebp,    // an animation without loss
  kFolder,  // numbered PNG files, without loss
};

// By the name's end; a name without one is a folder's. INVALID_ARGUMENT names what there is.
absl::StatusOr<ClipFormat> ClipFormatOf(const std::string& path);

struct ClipPlan {
  int width = 0;
  int height = 0;
  FrameRate rate;        // 0/1: eight frames a second
  std::string sound_of;  // a video whose sound is copied into MP4 and WebM; empty: none
};

// Writes a clip, frame by frame, with few of them in memory. It is there, whole, once Finish() has
// succeeded; otherwise nothing is, and what was there before still is. One thread at a time.
class FrameWriter {
 public:
  virtual ~FrameWriter() = default;
  // RGB or RGBA, of the plan's size; opacity is kept by kWebp and kFolder.
  virtual absl::Status Add(const Picture& frame) = 0;
  // What is to be told people: that the sound could not be kept, for one.
  virtual absl::StatusOr<std::vector<std::string>> Finish() = 0;
};

// INVALID_ARGUMENT when the format cannot hold the size, ALREADY_EXISTS for a folder with something
// in it.
absl::StatusOr<std::unique_ptr<FrameWriter>> CreateClip(const std::string& path,
                                                        const ClipPlan& plan);

// The bytes of an animated WebP file without loss, for a few frames of one size.
absl::StatusOr<std::string> EncodeClip(absl::Span<const Picture> frames);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_FRAME_WRITER_H_
