#ifndef PATCHBAY_PLUGINS_IP_ADAPTER_SRC_SETTINGS_H_
#define PATCHBAY_PLUGINS_IP_ADAPTER_SRC_SETTINGS_H_

#include <patchbay/aten.h>

#include <string>
#include <vector>

#include "plugins/ip-adapter/src/layers.h"

namespace ip_adapter {

// How several pictures come together.
enum class Combination {
  kConcatenate,  // one softmax over all their tokens
  kAdd           // a softmax for each
};

struct Settings {
  patchbay::Picture image;
  patchbay::File adapter;
  patchbay::File encoder;
  double weight = 0.6;
  patchbay::Picture mask;
  Layers layers = Layers::kAll;
  std::vector<double> block_weights;
  double begin = 0;
  double end = 1;
  Combination combine = Combination::kConcatenate;
  patchbay::Picture image_2;
  double weight_2 = -1;
  patchbay::Picture mask_2;
  patchbay::Picture image_3;
  double weight_3 = -1;
  patchbay::Picture mask_3;
  patchbay::Picture image_4;
  double weight_4 = -1;
  patchbay::Picture mask_4;
};

void DescribeSettings(patchbay::Description<Settings>& d);

// One of the pictures that the settings name, with a weight that is not 0.
struct ImagePrompt {
  at::Tensor pixels;  // [H, W, 3] in 8 bits
  double weight = 0;
  at::Tensor mask;  // likewise; undefined: everywhere
  std::string mask_field;
};

// In their order; those of weight 0 are left out. Throws patchbay::Error when there is no picture
// at all and `weight` asks for one, when a mask has no picture, and when one is empty.
std::vector<ImagePrompt> ImagePromptsOf(const Settings& settings);

}  // namespace ip_adapter

#endif  // PATCHBAY_PLUGINS_IP_ADAPTER_SRC_SETTINGS_H_
