#ifndef PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_MICRO_CONDITIONING_H_
#define PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_MICRO_CONDITIONING_H_

#include <optional>
#include <vector>

namespace patchbay {

// The sizes, in pixels, that SDXL is told about a picture (arXiv:2307.01952, section 2.2).
struct SizeConditioning {
  double original_height = 0;
  double original_width = 0;
  double crop_top = 0;
  double crop_left = 0;
  double target_height = 0;
  double target_width = 0;
};

// What the refiner is told about a picture's quality, for the prompt's row and the negative one's.
inline constexpr double kAestheticScore = 6.0;
inline constexpr double kNegativeAestheticScore = 2.5;

// The sizes of a picture that is neither cropped nor scaled.
SizeConditioning UncroppedSize(double height, double width);

// The numbers ("time ids") in the order in which the U-Net embeds them. SDXL: original height and
// width, crop top and left, target height and width. With an aesthetic score, for the refiner:
// original height and width, crop top and left, score.
std::vector<double> MicroConditioning(const SizeConditioning& size,
                                      std::optional<double> aesthetic_score = std::nullopt);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_MICRO_CONDITIONING_H_
