#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_SENSITIVITY_FILE_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_SENSITIVITY_FILE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "document_error.h"
#include "sensitivity.h"

// How much quantising single layers of one model changes what it gives, as a JSON file:
//
//   {
//     "format": "patchbay-quantizer-sensitivity/1",
//     "model": "5d0f...",                    the model's fingerprint
//     "layers": {
//       "mid_block.resnets.0.conv1": {
//         "class": "quality",                or "content": decides the metric
//         "weights": {"count": 36864, "8": 51.2, "4": 29.1},    by bits; larger is better
//         "activations": {"count": 4096, "8": 44.0}
//       }
//     }
//   }
//
// Quality is in decibels (SignalToNoise), content between -1 and 1 (StructuralSimilarity). Counts
// are the layer's weights, and the numbers that it is given for one picture.

namespace quantizer {

// Stands for a change that is too small to be seen, in decibels.
inline constexpr double kNoNoise = 150;

struct Measured {
  int64_t count = 0;
  std::map<int, double> values;  // by bits
};

struct LayerSensitivity {
  LayerClass layer_class = LayerClass::kQuality;
  Measured weights;
  Measured activations;
};

struct Sensitivity {
  std::string model;
  std::map<std::string, LayerSensitivity> layers;  // by diffusers name
};

// Throws DocumentError.
Sensitivity ParseSensitivity(std::string_view text);
Sensitivity ReadSensitivity(const std::string& path);
// What ParseSensitivity reads.
std::string WriteSensitivity(const Sensitivity& sensitivity);

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_SENSITIVITY_FILE_H_
