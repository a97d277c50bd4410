#ifndef PATCHBAY_PLUGINS_OUTPAINTER_SRC_ADAPT_SETTINGS_H_
#define PATCHBAY_PLUGINS_OUTPAINTER_SRC_ADAPT_SETTINGS_H_

#include <patchbay/aten.h>

#include <map>
#include <string>
#include <vector>

namespace outpainter {

// Of the action "adapt".
struct AdaptSettings {
  patchbay::Picture reference1;
  patchbay::Picture reference2;
  patchbay::Picture reference3;
  patchbay::Picture reference4;
  patchbay::Picture reference5;
  patchbay::Picture picture;
  patchbay::Picture mask;
  int64_t left = 0;
  int64_t top = 0;
  int64_t right = 0;
  int64_t bottom = 0;
  std::string prompt;
  int64_t steps = 200;
  double learning_rate = 2e-4;
  int64_t rank = 8;
  double dropout = 0.1;
  int64_t pictures_per_step = 4;
  int64_t side = 0;
  int64_t seed = 42;
  int64_t save_every = 0;
  patchbay::File resume;
};

void DescribeAdapt(patchbay::ActionFields<AdaptSettings>& d);

// Those that were given, [1, 4, H, W] in 0..1 each. Throws patchbay::Error where there is none.
std::vector<at::Tensor> ReferencesOf(const AdaptSettings& settings);

// What must be the same when training is taken up again, by name.
std::map<std::string, std::string> LastingParameters(const AdaptSettings& settings);

}  // namespace outpainter

#endif  // PATCHBAY_PLUGINS_OUTPAINTER_SRC_ADAPT_SETTINGS_H_
