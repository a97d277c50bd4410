#ifndef PATCHBAY_PLUGINS_MOMA_SRC_SETTINGS_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_SETTINGS_H_

#include <patchbay/aten.h>

#include <cstdint>
#include <string>
#include <vector>

namespace moma {

// What the prompt asks of the subject; each has a strength.
enum class Mode {
  kContext,  // another scene
  kTexture   // another material
};

// Of the picture from which the U-Net takes the subject.
enum class Background { kKeep, kWhite };

struct Settings {
  patchbay::Picture image;
  patchbay::Picture mask;
  std::string subject;
  patchbay::File adapter;
  patchbay::File tokens;
  double strength = -1;
  Mode mode = Mode::kContext;
  double content = 1;
  int64_t self_until = 950;
  bool use_mask = true;
  double mask_threshold = 0.2;
  Background background = Background::kKeep;
  std::vector<double> layers;
  bool compat = false;
};

void DescribeSettings(patchbay::Description<Settings>& d);

// Of the reference's self-attention: the setting's, or the mode's.
double StrengthOf(const Settings& settings);

// A factor for each of the model's transformers. Throws patchbay::Error when there are more or
// fewer numbers than transformers, and says which there are.
std::vector<double> LayerFactors(const std::vector<double>& layers,
                                 const std::vector<std::string>& transformers);

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_SETTINGS_H_
