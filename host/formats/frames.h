#ifndef PATCHBAY_HOST_FORMATS_FRAMES_H_
#define PATCHBAY_HOST_FORMATS_FRAMES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/formats/picture.h"

namespace patchbay {

// Frames a second as a fraction, such as 30000/1001; 0/1 where a file says nothing of time.
struct FrameRate {
  int64_t numerator = 0;
  int64_t denominator = 1;
};

// What a clip says of itself before its frames are read.
struct ClipInfo {
  // Upright, as frames are given.
  int width = 0;
  int height = 0;
  FrameRate rate;
  int64_t frame_count = 0;  // 0: unknown until the end; videos may also say what is not so
  bool has_audio = false;
};

// Frames of a clip, one after another, all of one size. Holds few of them at a time. One thread at
// a time.
class FrameReader {
 public:
  virtual ~FrameReader() = default;

  virtual const ClipInfo& info() const = 0;

  // The next frame, RGB or RGBA; nothing after the last one. INVALID_ARGUMENT says which frame is
  // damaged or of another size, and what is wrong; it ends the clip.
  virtual absl::StatusOr<std::optional<Picture>> Next() = 0;
};

// Whether a file is a video or an animation by its first bytes, also of a kind that OpenFrames
// refuses.
bool IsAnimation(absl::Span<const std::byte> bytes);

// Opens a still picture (PNG, JPEG, WebP: one frame) or an animated WebP, PNG or GIF file, an MP4
// or WebM video. The file stays open; it must not change meanwhile. INVALID_ARGUMENT for what is
// none of these, has no frames, or frames beyond the limits, which is noticed before memory is
// taken. Animations but WebP's and videos are decoded in a process of its own that can open
// nothing; see video_process.h.
absl::StatusOr<std::unique_ptr<FrameReader>> OpenFrames(const std::string& path,
                                                        const PictureLimits& limits = {});

// Opens the pictures of a folder (PNG, JPEG, WebP) in the order of their names, in which numbers
// count as numbers: frame-9 comes before frame-10. Otherwise as OpenFrames.
absl::StatusOr<std::unique_ptr<FrameReader>> OpenFrameFolder(const std::string& folder,
                                                             const PictureLimits& limits = {});

// More frames than this, or more than `limits.max_pixels` in all of them together, are refused
// where a clip is read as a whole.
inline constexpr int kMostFramesAtOnce = 1024;
absl::StatusOr<std::vector<Picture>> ReadAllFrames(const std::string& path,
                                                   const PictureLimits& limits = {});

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_FRAMES_H_
