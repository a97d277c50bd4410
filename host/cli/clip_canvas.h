#ifndef PATCHBAY_HOST_CLI_CLIP_CANVAS_H_
#define PATCHBAY_HOST_CLI_CLIP_CANVAS_H_

#include <string>

#include "absl/status/statusor.h"
#include "host/cli/clip_source.h"
#include "host/cli/outpaint_options.h"
#include "host/formats/picture.h"

namespace patchbay {

// A frame on its canvas, RGBA: transparent where it is to be painted. mask: of the frame's size,
// white where the frame is to be painted too; nullptr: nowhere.
Picture OnClipCanvas(const Picture& frame, const Picture* mask, const PictureMargins& margins);

// The same picture with opacity: what is known as a whole.
Picture Opaque(const Picture& picture);

// The masks of a clip's frames: one for all, or a clip of their own.
class ClipMasks {
 public:
  // file: empty for none. INVALID_ARGUMENT when its size is not the clip's.
  static absl::StatusOr<ClipMasks> Open(const std::string& file, const ClipInfo& clip);

  // Of the next frame, until the next call; nullptr: none. INVALID_ARGUMENT when there are too few.
  absl::StatusOr<const Picture*> Next();

 private:
  std::unique_ptr<FrameReader> reader_;
  Picture mask_;
  int64_t count_ = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_CLIP_CANVAS_H_
