#ifndef PATCHBAY_PLUGINS_OUTPAINTER_SRC_ADAPT_ACTION_H_
#define PATCHBAY_PLUGINS_OUTPAINTER_SRC_ADAPT_ACTION_H_

#include <patchbay/aten.h>

#include <functional>
#include <optional>
#include <vector>

#include "plugins/outpainter/src/adapt_settings.h"
#include "plugins/outpainter/src/attention_lora.h"
#include "plugins/outpainter/src/training_picture.h"
#include "plugins/training/src/adamw.h"

namespace outpainter {

// Training on reference pictures before painting (RealFill, arXiv:2309.16668, section 3.2): a LoRA
// learns the references as a whole, and of the picture to be extended what is known. An object is
// one run's.
class AdaptAction {
 public:
  using OpenFile = std::function<patchbay::TensorFile(const patchbay::File&)>;

  void Attach(patchbay::Attach& at);
  // Makes state.safetensors and lora.safetensors.
  void Run(const patchbay::Action& action, const AdaptSettings& wanted, const OpenFile& open);

 private:
  void TakePictures(const patchbay::Model& model, const AdaptSettings& wanted);
  void Begin(const patchbay::Action& action, const AdaptSettings& wanted, const OpenFile& open);
  void Resume(const patchbay::TensorFile& file);
  double TrainStep(const patchbay::Action& action, const AdaptSettings& wanted);
  // The loss of one part of a picture.
  at::Tensor Loss(const patchbay::Model& model);
  std::string StateBytes() const;

  std::string base_model_;  // its fingerprint
  std::vector<TrainingPicture> references_;
  std::optional<TrainingPicture> target_;
  CanvasSize size_;  // of the parts that are learned from
  AttentionLora lora_;
  training::AdamW optimizer_;
  // What must be the same when training is taken up again.
  std::map<std::string, std::string> parameters_;
  at::Generator draws_;  // of the step
  double dropout_ = 0;
};

}  // namespace outpainter

#endif  // PATCHBAY_PLUGINS_OUTPAINTER_SRC_ADAPT_ACTION_H_
