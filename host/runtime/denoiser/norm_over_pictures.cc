#include "host/runtime/denoiser/norm_over_pictures.h"

#include <cstdint>

namespace patchbay {

at::Tensor NormSiluOverPictures(const GroupNorm& norm, const UNetCall& call, const at::Tensor& x) {
  const auto pictures = static_cast<int64_t>(call.evaluation().step.picture_count);
  const int64_t channels = x.size(1);
  // In channels-last order pictures that follow each other are one high picture already.
  const at::Tensor rows = x.contiguous(at::MemoryFormat::ChannelsLast).permute({0, 2, 3, 1});
  const at::Tensor high =
      rows.reshape({x.size(0) / pictures, pictures * x.size(2), x.size(3), channels});
  const at::Tensor normalised = norm.ForwardSilu(high.permute({0, 3, 1, 2}));
  return normalised.permute({0, 2, 3, 1})
      .reshape({x.size(0), x.size(2), x.size(3), channels})
      .permute({0, 3, 1, 2});
}

}  // namespace patchbay
