#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_INTEGER_WEIGHT_FILE_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_INTEGER_WEIGHT_FILE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/formats/safetensors.h"
#include "host/runtime/checkpoint/checkpoint_file.h"
#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {

// A U-Net whose linear layers and convolutions are stored as integers: a safetensors file under
// diffusers' names, which `patchbay model quantize` makes. In the place of "NAME.weight" it has,
// for part P = 0, 1,
//
//   NAME.weight.P.integers   I8 or U8
//   NAME.weight.P.steps      F32
//   NAME.weight.P.multiples  U8, of 4-bit weights
//
// as integer_weight.h says. Its metadata says under kIntegerWeightsKey what they are:
//
//   {"format": "patchbay-integer-weights/1",
//    "weights": {"NAME.weight": {"shape": [640, 320, 3, 3], "bits": 8, "rotated": false,
//                                "inputs": [320]}}}       the inputs of each part
//
// and under kIntegerPlanKey the plugin quantizer's plan that they were made by.
inline constexpr std::string_view kIntegerWeightsKey = "patchbay.integer_weights";
inline constexpr std::string_view kIntegerPlanKey = "patchbay.quantizer.plan";

bool HasIntegerWeights(const SafetensorsFile& file);

// The file's tensors, integers being one StoredWeight each. INVALID_ARGUMENT names the weight whose
// entry, parts or sizes are not as they should be.
absl::StatusOr<CheckpointFile> OpenIntegerWeights(const SafetensorsFile& file);

// Writes `unet` to `path` with those weights as integers that `integers` has, which were made by
// `plan`: safetensors files in memory with the tensors and the metadata above, each weight in one
// of them. INVALID_ARGUMENT when one of them is no weight of the U-Net's or has another shape.
absl::Status WriteIntegerWeights(const std::string& path, const WeightMap& unet,
                                 const std::vector<std::string_view>& integers,
                                 const std::string& plan);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_INTEGER_WEIGHT_FILE_H_
