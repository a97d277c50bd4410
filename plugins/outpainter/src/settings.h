#ifndef PATCHBAY_PLUGINS_OUTPAINTER_SRC_SETTINGS_H_
#define PATCHBAY_PLUGINS_OUTPAINTER_SRC_SETTINGS_H_

#include <patchbay/aten.h>

#include "plugins/outpainter/src/canvas.h"

namespace outpainter {

enum class KnownNoise { kTied, kFresh };

struct Settings {
  patchbay::Picture picture;
  int64_t left = -1;
  int64_t top = -1;
  patchbay::Picture mask;
  int64_t feathering = 0;
  int64_t jump_length = 3;
  int64_t jump_repeats = 4;
  double jump_share = 0.6;
  KnownNoise known_noise = KnownNoise::kTied;
  int64_t right = -1;
  int64_t bottom = -1;
  double mask_decay = 0.5;
  int64_t blending = 24;
  bool shared_noise = true;
};

void DescribeSettings(patchbay::Description<Settings>& d);

inline Margins MarginsOf(const Settings& settings) {
  return {settings.left, settings.top, settings.right, settings.bottom};
}

}  // namespace outpainter

#endif  // PATCHBAY_PLUGINS_OUTPAINTER_SRC_SETTINGS_H_
