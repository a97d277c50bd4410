#ifndef PATCHBAY_HOST_FORMATS_VIDEO_MP4_BOXES_H_
#define PATCHBAY_HOST_FORMATS_VIDEO_MP4_BOXES_H_

#include "absl/status/status.h"

namespace patchbay {

// Whether an MP4 or QuickTime file is whole: each of its outermost boxes (ISO/IEC 14496-12, section
// 4.2) ends within the file, and one of them is the index, "moov". INVALID_ARGUMENT says what is
// missing. Reads the boxes' heads only; the descriptor's position stays.
absl::Status CheckMp4Boxes(int descriptor);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_VIDEO_MP4_BOXES_H_
