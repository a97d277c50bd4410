#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_SENSITIVITY_PLOT_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_SENSITIVITY_PLOT_H_

#include <string>
#include <vector>

#include "sensitivity_file.h"

namespace quantizer {

// An SVG drawing of what quantising each layer costs: decibels of the quality layers above,
// structural similarity of the content layers below, from left to right in the order of `names`,
// which are layers of `sensitivity`. A point names its layer where the pointer rests.
std::string PlotSensitivity(const Sensitivity& sensitivity, const std::vector<std::string>& names);

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_SENSITIVITY_PLOT_H_
