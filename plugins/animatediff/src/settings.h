#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_SETTINGS_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_SETTINGS_H_

#include <patchbay/aten.h>

#include "plugins/animatediff/src/frame_windows.h"

namespace animatediff {

// Over what a motion module's own norm takes its statistics.
enum class ModuleNorm { kAsFile, kFrame, kClip };

struct Settings {
  patchbay::File module;
  double scale = 1;
  int64_t window = 0;
  int64_t stride = 0;
  WindowWeighting window_weights = WindowWeighting::kUniform;
  bool groupnorm_over_frames = false;
  ModuleNorm module_norm = ModuleNorm::kAsFile;
  patchbay::File lora;
  double lora_scale = 1;
  double lora_decay = 0;
  int64_t left = 0;
  int64_t top = 0;
  int64_t right = 0;
  int64_t bottom = 0;
  bool decay_feed_forward = false;
};

void DescribeSettings(patchbay::Description<Settings>& d);

// Over which frames the network is evaluated at once.
struct FrameWindows {
  int64_t window = 16;
  int64_t stride = 4;
};

// longest: the frames that the module has positions for. Throws patchbay::Error for a window that
// is longer, and for a stride that leaves gaps.
FrameWindows FrameWindowsOf(const Settings& settings, int64_t longest);

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_SETTINGS_H_
