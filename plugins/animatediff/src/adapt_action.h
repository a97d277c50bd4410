#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_ADAPT_ACTION_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_ADAPT_ACTION_H_

#include <patchbay/aten.h>

#include <functional>
#include <vector>

#include "plugins/animatediff/src/adapt_settings.h"
#include "plugins/animatediff/src/motion_model.h"
#include "plugins/animatediff/src/training_clip.h"
#include "plugins/animatediff/src/training_state.h"

namespace animatediff {

// Opens a file that settings name.
using OpenFile = std::function<patchbay::TensorFile(const patchbay::File&)>;

// Be-Your-Outpainter's input-specific adaptation (arXiv:2403.13745, section 3.2): trains a LoRA on
// the motion modules with one clip, by the model's own objective. One run; one thread.
class AdaptAction {
 public:
  // Hangs what the modules compute with the LoRA that is being trained; this object must outlive
  // the attachment.
  void Attach(patchbay::Attach& at, const Settings& settings);
  void Run(const patchbay::Action& action, const AdaptSettings& wanted, const Settings& settings,
           const OpenFile& open);

 private:
  at::Tensor Edited(const patchbay::Step& step, const at::Tensor& features, size_t place) const;
  void OpenModule(const AdaptSettings& wanted, const Settings& settings, const OpenFile& open);
  void CountFrames(const AdaptSettings& wanted);
  void Begin(const patchbay::Action& action, const AdaptSettings& wanted, const Settings& settings,
             const TrainingClip& clip, const OpenFile& open);
  double TrainStep(const patchbay::Action& action, const AdaptSettings& wanted,
                   const TrainingClip& clip);

  std::vector<MotionPlace> places_;
  at::TensorOptions options_;
  MotionFile file_;
  double scale_ = 1;
  int64_t frames_ = 0;  // in a training step
  TrainingState state_;
};

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_ADAPT_ACTION_H_
