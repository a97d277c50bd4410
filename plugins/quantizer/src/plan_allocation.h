#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_PLAN_ALLOCATION_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_PLAN_ALLOCATION_H_

#include <string>
#include <vector>

#include "plan.h"
#include "sensitivity_file.h"

// From sensitivities to a plan (MixDQ, arXiv:2405.17873, section 3.4).

namespace quantizer {

struct BitBudget {
  double weights = 8;      // average bits of a weight over the measured layers, 4 to 8
  double activations = 8;  // of a layer's input, 8 to 16 (floating point)
  // Content layers' average bits of a weight over quality layers'.
  double content_ratio = 1;
};

// The ratios that are worth trying at this average: MixDQ's ten from 0.46 to 1.36, and 1, without
// those at which a class would need more bits than there are, or fewer. Never empty for an average
// from 4 to 8.
std::vector<double> ContentRatios(const Sensitivity& sensitivity, double average_weight_bits);

// `base` with the bits of the measured layers chosen anew: each class of layers by its own metric
// within its own share of the budget. Rotation and ranges stay as `base` has them. Throws
// DocumentError when a layer has not been measured for some number of bits, and
// std::invalid_argument when the budget cannot be kept.
Plan AllocatePlan(const Sensitivity& sensitivity, const BitBudget& budget, const Plan& base);

// Average bits of a plan's weights, over the measured layers.
double AverageWeightBits(const Sensitivity& sensitivity, const Plan& plan);

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_PLAN_ALLOCATION_H_
