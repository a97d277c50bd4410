#include "plugins/image_prompt/src/file_order.h"

namespace image_prompt {

std::vector<size_t> FileOrder(const std::vector<patchbay_part>& parts) {
  std::vector<size_t> order;
  for (const patchbay_part part : {PATCHBAY_PART_DOWN, PATCHBAY_PART_UP, PATCHBAY_PART_MIDDLE}) {
    for (size_t i = 0; i < parts.size(); ++i) {
      if (parts[i] == part) order.push_back(i);
    }
  }
  return order;
}

}  // namespace image_prompt
