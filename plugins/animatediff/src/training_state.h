#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_TRAINING_STATE_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_TRAINING_STATE_H_

#include <map>
#include <string>
#include <vector>

#include "plugins/animatediff/src/adaptation_file.h"
#include "plugins/training/src/adamw.h"

namespace animatediff {

// Training that can be taken up where it was left: every random number depends on the seed and the
// step's number alone, so the rest comes out as if it had never been left.
struct TrainingState {
  Adaptation adaptation;  // facts.steps are those made
  training::AdamW optimizer;
  // What must be the same when it is taken up again, by the parameter's name.
  std::map<std::string, std::string> parameters;
};

// The trainable tensors, in one order.
std::vector<at::Tensor> TensorsOf(const Adaptation& adaptation);

// "adaptation.safetensors" and "state.safetensors".
std::string AdaptationBytes(const MotionFile& modules, const Adaptation& adaptation);
std::string StateBytes(const MotionFile& modules, const TrainingState& state);

// metadata: the file's, empty for nothing. `expected`: the parameters of the run that takes it up;
// its facts but the steps must be the same as well. Throws patchbay::Error, which names the file
// and what differs.
TrainingState ReadState(const clip_vision::Weights& weights,
                        const std::map<std::string, std::string>& metadata,
                        const MotionFile& modules, const TrainingState& expected);

// The keys of the metadata.
std::vector<std::string> StateKeys(const std::map<std::string, std::string>& parameters);

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_TRAINING_STATE_H_
