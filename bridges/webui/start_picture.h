#ifndef PATCHBAY_BRIDGES_WEBUI_START_PICTURE_H_
#define PATCHBAY_BRIDGES_WEBUI_START_PICTURE_H_

#include <optional>

#include "bridges/common/picture.h"

namespace patchbay::webui {

// A1111's `resize_mode`.
enum class ResizeMode {
  kStretch = 0,
  kCrop = 1,    // covers the size; what stands out is cut off
  kFill = 2,    // fits into the size; the rest is filled with the picture's edges
  kLatent = 3,  // as it is; its latent is resized
};

// `picture` at width x height.
Picture ResizeBy(ResizeMode mode, const Picture& picture, int width, int height);

// What an img2img request says about its start picture and its mask.
struct StartPictureOptions {
  int width = 512, height = 512;
  ResizeMode resize_mode = ResizeMode::kStretch;
  double mask_blur_x = 4, mask_blur_y = 4;  // standard deviations in pixels
  bool mask_round = true;                   // whether the mask that is drawn is black and white
  bool mask_invert = false;
  // 0 colours of the surroundings, 1 as it is; 2 and 3 as 0, and then noise or zeros in the latent.
  int fill = 0;
  bool only_masked = true;      // draw the masked part alone, at the whole size
  int only_masked_padding = 0;  // pixels around it
};

// What stands in the encoded picture where it is painted anew.
enum class LatentFill { kPicture, kNoise, kZeros };

// A start picture as the host takes it, and the way back.
struct StartPicture {
  Picture image;                // [width x height], RGB; of any size where the latent is resized
  std::optional<Picture> mask;  // [width x height], grey; white is drawn anew
  LatentFill latent_fill = LatentFill::kPicture;
  bool resizes_latent = false;

  // Whether A1111 changes the picture's latent before it draws over it.
  bool ChangesLatent() const { return resizes_latent || latent_fill != LatentFill::kPicture; }

  // Drawn picture to final one: pasted into the original where the mask is white, with soft edges.
  // Without a mask: as it is.
  Picture Finished(const Picture& drawn) const;

  // With a mask only: the whole picture, what of it is kept (255: all), and where the drawn part
  // goes.
  Picture original, keep;
  int x = 0, y = 0, width = 0, height = 0;
};

// `image` RGBA as decoded; `mask` any. Follows A1111's modules/processing.py and
// modules/masking.py.
StartPicture MakeStartPicture(const Picture& image, const std::optional<Picture>& mask,
                              const StartPictureOptions& options);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_START_PICTURE_H_
