#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_PLAN_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_PLAN_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "document_error.h"
#include "kernel.h"

// A plan says how each layer of one model computes. It is a JSON file that people can read and
// edit:
//
//   {
//     "format": "patchbay-quantizer-plan/1",
//     "model": "5d0f...",                          the model's fingerprint
//     "others": {"weights": 8, "activations": 8},  layers that are not named; without it they stay
//     "layers": {                                  in floating point
//       "mid_block.resnets.0.conv1": {
//         "weights": 4,            bits: 16 (floating point), 8 or 4
//         "activations": 8,        bits: 16 (floating point) or 8
//         "rotate": true,          optional
//         "range": [-0.28, 5.1],   optional: the input's, calibrated; includes zero
//         "skip_range": [-4, 3]    optional: of the channels that came over a skip connection
//       }
//     }
//   }

namespace quantizer {

struct PlannedLayer {
  int weight_bits = 16;
  int activation_bits = 16;
  bool rotate = false;
  std::optional<Range> range = std::nullopt;
  std::optional<Range> skip_range = std::nullopt;
};

struct Plan {
  std::string model;
  PlannedLayer others;
  std::map<std::string, PlannedLayer> layers;  // by diffusers name
};

// Throws DocumentError. Unknown and repeated keys are errors.
Plan ParsePlan(std::string_view text);
Plan ReadPlan(const std::string& path);
// What ParsePlan reads.
std::string WritePlan(const Plan& plan);

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_PLAN_H_
