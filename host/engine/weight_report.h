#ifndef PATCHBAY_HOST_ENGINE_WEIGHT_REPORT_H_
#define PATCHBAY_HOST_ENGINE_WEIGHT_REPORT_H_

#include <cstdint>
#include <map>
#include <string>

#include "host/runtime/checkpoint/weight_map.h"
#include "host/runtime/pipeline/loaded_model.h"

namespace patchbay {

// The denoiser's weights that are in memory, in bytes by type. stored: all of them, as the
// checkpoint has them. stand_ins: what plugins keep in the place of those that have been let go of.
std::map<std::string, uint64_t> WeightBytes(const WeightMap& stored, const LoadedModel& model,
                                            const std::map<std::string, uint64_t>& stand_ins);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_WEIGHT_REPORT_H_
