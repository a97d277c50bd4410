#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_CHECKPOINTED_MOTION_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_CHECKPOINTED_MOTION_H_

#include <ATen/ATen.h>

#include "plugins/animatediff/src/motion_module.h"

namespace animatediff {

// AddedMotion(), whose intermediate results are not kept for the gradients but computed once more
// when these are wanted (arXiv:1604.06174). Module and LoRA must live until then.
at::Tensor CheckpointedMotion(const MotionModule& module, const at::Tensor& features,
                              int64_t frames, const LoraUse& lora);

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_CHECKPOINTED_MOTION_H_
