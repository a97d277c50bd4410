#include "plugins/animatediff/src/motion_sites.h"

#include <string>

namespace animatediff {
namespace {

using Modules = patchbay::SiteList<patchbay::Module>;

void AddBlock(const std::string& block, const Modules& transformers, const Modules& resnets,
              bool is_middle, MotionSites& list) {
  const Modules& followed = transformers.empty() ? resnets : transformers;
  for (size_t j = 0; j < followed.size() && (!is_middle || j == 0); ++j) {
    list.places.push_back({block + ".motion_modules." + std::to_string(j),
                           followed[j].diffusers_name(), followed[j].info().out_channels,
                           !is_middle});
    list.sites.push_back(followed[j]);
  }
}

}  // namespace

MotionSites MotionSitesOf(const patchbay::Denoiser& denoiser) {
  const Modules transformers = denoiser.transformers();
  const Modules resnets = denoiser.resnets();
  MotionSites list;
  const auto add_part = [&](patchbay_part part, const std::string& name) {
    for (int32_t block = 0;; ++block) {
      const Modules of_block = resnets.in_block(part, block);
      if (of_block.empty()) return;
      AddBlock(name + "." + std::to_string(block), transformers.in_block(part, block), of_block,
               /*is_middle=*/false, list);
    }
  };
  add_part(PATCHBAY_PART_DOWN, "down_blocks");
  AddBlock("mid_block", transformers.in_block(PATCHBAY_PART_MIDDLE),
           resnets.in_block(PATCHBAY_PART_MIDDLE), /*is_middle=*/true, list);
  add_part(PATCHBAY_PART_UP, "up_blocks");
  return list;
}

at::TensorOptions OptionsOf(const patchbay::Denoiser& denoiser) {
  const at::Tensor weight = denoiser.site<patchbay::Operator>("conv_in").weight();
  return at::TensorOptions().dtype(weight.scalar_type()).device(weight.device());
}

}  // namespace animatediff
