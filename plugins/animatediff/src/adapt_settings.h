#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_ADAPT_SETTINGS_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_ADAPT_SETTINGS_H_

#include <patchbay/aten.h>

#include <map>
#include <string>

#include "plugins/animatediff/src/settings.h"

namespace animatediff {

// Where a training step compares the prediction with what it should be.
enum class LossPlace { kWhole, kUnknown };

struct AdaptSettings {
  patchbay::Picture frames;
  std::string prompt;
  int64_t steps = 800;
  double learning_rate = 1e-4;
  int64_t rank = 16;
  double mask_least = 0;
  double mask_most = 0.4;
  int64_t frames_at_once = 0;
  int64_t frame_stride = 1;
  LossPlace loss = LossPlace::kWhole;
  int64_t seed = 42;
  bool shared_noise = false;
  int64_t save_every = 0;
  patchbay::File resume;
  patchbay::File module;
};

void DescribeAdapt(patchbay::ActionFields<AdaptSettings>& d);

// Throws patchbay::Error for masks from a larger share to a smaller one.
void CheckAdapt(const AdaptSettings& settings);

// What must be the same when training is taken up again, by name.
std::map<std::string, std::string> LastingParameters(const AdaptSettings& settings,
                                                     const Settings& of_plugin);

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_ADAPT_SETTINGS_H_
