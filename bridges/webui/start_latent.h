#ifndef PATCHBAY_BRIDGES_WEBUI_START_LATENT_H_
#define PATCHBAY_BRIDGES_WEBUI_START_LATENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bridges/common/host_session.h"
#include "bridges/webui/seed_noise.h"
#include "bridges/webui/start_picture.h"

namespace patchbay::webui {

// A model's latents, and whether its network is shown the mask and the picture around it.
struct LatentShape {
  int channels = 4;
  bool shows_mask = false;
};
absl::StatusOr<LatentShape> LatentShapeOf(HostSession& host, const std::string& model);

// Uploads the first noise of a batch, a seed for each picture; returns the artifact's id.
absl::StatusOr<std::string> UploadNoise(HostSession& host, const std::vector<NoiseSeed>& seeds,
                                        const LatentShape& shape, int width, int height);

// What A1111 starts from where it changes the encoded picture itself: the picture encoded at its
// own size and the latent resized (`resize_mode` 3), noise of the seeds (`inpainting_fill` 2) or
// zeros (3) under the mask (StableDiffusionProcessingImg2Img.init in modules/processing.py). Has
// the host encode, uploads the latent [1 or batch, C, h, w] and returns its id. `width` and
// `height` are the drawn picture's; `seed` that of the batch's first.
absl::StatusOr<std::string> UploadStartLatent(HostSession& host, const std::string& model,
                                              const StartPicture& start, int width, int height,
                                              int batch, uint64_t seed);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_START_LATENT_H_
