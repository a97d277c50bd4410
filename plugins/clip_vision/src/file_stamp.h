#ifndef PATCHBAY_PLUGINS_CLIP_VISION_SRC_FILE_STAMP_H_
#define PATCHBAY_PLUGINS_CLIP_VISION_SRC_FILE_STAMP_H_

#include <string>

namespace clip_vision {

// What tells a file's content from what it was before, and from other files: its path, and its
// size and times where it is there.
std::string FileStamp(const std::string& path);

}  // namespace clip_vision

#endif  // PATCHBAY_PLUGINS_CLIP_VISION_SRC_FILE_STAMP_H_
