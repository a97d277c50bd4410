#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_ADAPTATION_FILE_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_ADAPTATION_FILE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "plugins/animatediff/src/motion_file.h"
#include "plugins/animatediff/src/temporal_lora.h"
#include "plugins/clip_vision/src/weights.h"

namespace animatediff {

// What an adaptation was made with, in its file's metadata.
struct AdaptationFacts {
  int64_t rank = 16;
  double multiplier = 8;   // of the authors' code, for any rank
  std::string base_model;  // fingerprint
  std::string module;      // hash
  std::string clip;        // hash
  double least_mask = 0;
  double most_mask = 0.4;
  int64_t steps = 0;
  bool groupnorm_over_frames = false;
  bool shared_noise = false;  // between the frames that it was trained on
};

// LoRAs on a model's motion modules, trained on one clip.
struct Adaptation {
  AdaptationFacts facts;
  std::vector<ModuleLora> modules;  // by the place; empty where there is no module
};

// Of a module's LoRA, in the order of TensorsOf(): "{module}.{layer}.{down|up}.weight".
std::vector<std::string> TensorNames(const MotionModule& module);
// Names as the file has them: with "lora." before them.
std::map<std::string, at::Tensor> NamedTensors(const MotionFile& modules,
                                               const std::vector<ModuleLora>& loras);
std::map<std::string, std::string> MetadataOf(const AdaptationFacts& facts);

// metadata(key): the file's, empty for nothing. All throw patchbay::Error, which begins with
// `field` and names the file and what is wrong with it.
AdaptationFacts ReadAdaptationFacts(const std::string& field, const std::string& file,
                                    const std::map<std::string, std::string>& metadata);
// Whether it was made for this model and these modules.
void CheckMadeFor(const std::string& field, const std::string& file, const AdaptationFacts& facts,
                  const std::string& base_model, const std::string& module);
std::vector<ModuleLora> ReadLoras(const std::string& field, const clip_vision::Weights& weights,
                                  const MotionFile& modules, int64_t rank);
at::Tensor ReadTensor(const std::string& field, const clip_vision::Weights& weights,
                      const std::string& name, const std::vector<int64_t>& shape);

// The keys of the metadata.
const std::vector<std::string>& AdaptationKeys();

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_ADAPTATION_FILE_H_
