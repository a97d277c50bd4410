#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_MOTION_SITES_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_MOTION_SITES_H_

#include <patchbay/aten.h>

#include <vector>

#include "plugins/animatediff/src/motion_file.h"

namespace animatediff {

// A model's places for motion modules, in the order down, middle, up, and the sites that they
// follow.
struct MotionSites {
  std::vector<MotionPlace> places;
  std::vector<patchbay::Module> sites;  // likewise
};

// Behind every transformer; in a block without any, behind every resnet; in the middle block,
// behind the first of its transformers or resnets (arXiv:2307.04725 and its code).
MotionSites MotionSitesOf(const patchbay::Denoiser& denoiser);

// The number type and device that the model computes with.
at::TensorOptions OptionsOf(const patchbay::Denoiser& denoiser);

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_MOTION_SITES_H_
