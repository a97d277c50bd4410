#ifndef PATCHBAY_PLUGINS_IMAGE_PROMPT_SRC_FILE_ORDER_H_
#define PATCHBAY_PLUGINS_IMAGE_PROMPT_SRC_FILE_ORDER_H_

#include <cstddef>
#include <vector>

#include "patchbay/abi/model.h"

namespace image_prompt {

// Attentions by the order in which adapters' files number them, which is that of diffusers' U-Net:
// the down blocks, the up blocks, the middle block. `parts`: of the model's attentions, in the
// order in which the network runs. Returns indices into it.
std::vector<size_t> FileOrder(const std::vector<patchbay_part>& parts);

}  // namespace image_prompt

#endif  // PATCHBAY_PLUGINS_IMAGE_PROMPT_SRC_FILE_ORDER_H_
