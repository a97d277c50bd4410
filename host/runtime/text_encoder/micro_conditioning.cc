#include "host/runtime/text_encoder/micro_conditioning.h"

namespace patchbay {

SizeConditioning UncroppedSize(double height, double width) {
  return {height, width, 0, 0, height, width};
}

std::vector<double> MicroConditioning(const SizeConditioning& size,
                                      std::optional<double> aesthetic_score) {
  std::vector<double> numbers = {size.original_height, size.original_width, size.crop_top,
                                 size.crop_left};
  if (aesthetic_score.has_value()) {
    numbers.push_back(*aesthetic_score);
  } else {
    numbers.push_back(size.target_height);
    numbers.push_back(size.target_width);
  }
  return numbers;
}

}  // namespace patchbay
