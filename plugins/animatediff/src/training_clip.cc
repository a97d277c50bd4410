#include "plugins/animatediff/src/training_clip.h"

#include <vector>

#include "plugins/filling/src/smooth_fill.h"
#include "plugins/training/src/content_hash.h"

namespace animatediff {

TrainingClip TakeClip(const patchbay::Model& model, const at::Tensor& rgba, int64_t needed) {
  if (!rgba.defined()) {
    throw patchbay::Error("frames: there is no clip to adapt to; give one, as in frames=clip.webp");
  }
  const int64_t cell = model.info().pixels_per_latent_pixel;
  const int64_t height = rgba.size(2) / cell * cell;
  const int64_t width = rgba.size(3) / cell * cell;
  if (height == 0 || width == 0) {
    throw patchbay::Error("frames: frames of " + std::to_string(rgba.size(3)) + "x" +
                          std::to_string(rgba.size(2)) + " pixels are smaller than the " +
                          std::to_string(cell) + "x" + std::to_string(cell) +
                          " that the model sees at least; give larger ones");
  }
  if (rgba.size(0) < needed) {
    throw patchbay::Error("frames: the clip has " + std::to_string(rgba.size(0)) + " frames, and " +
                          std::to_string(needed) +
                          " are needed for frames_at_once and frame_stride; give a longer one, or "
                          "ask for fewer frames");
  }
  TrainingClip clip;
  const at::Tensor cut = rgba.slice(2, 0, height).slice(3, 0, width);
  const at::Tensor opaque = (cut.narrow(1, 3, 1) >= 0.5).to(at::kFloat);
  clip.known = filling::KnownCells(opaque, cell);
  const at::Tensor is_known = clip.known.amax({1, 2, 3});
  if (is_known.min().item<float>() == 0) {
    throw patchbay::Error("frames: nothing of frame " +
                          std::to_string(is_known.argmin().item<int64_t>() + 1) +
                          " is known; all of it is transparent");
  }
  clip.frames = filling::FillSmoothly(cut.narrow(1, 0, 3) * opaque, opaque) * 2 - 1;
  training::ContentHash hash;
  hash.Add(clip.frames);
  hash.Add(clip.known);
  clip.hash = hash.Text();
  return clip;
}

void EncodeClip(const patchbay::Action& action, TrainingClip& clip) {
  const patchbay::Model model = action.model();
  std::vector<at::Tensor> latents;
  for (int64_t i = 0; i < clip.frames.size(0); ++i) {
    action.progress(0, "encoding frame " + std::to_string(i + 1) + " of " +
                           std::to_string(clip.frames.size(0)));
    latents.push_back(model.encode_picture(clip.frames.narrow(0, i, 1)).to(at::kFloat).cpu());
  }
  clip.latents = at::cat(latents);
}

}  // namespace animatediff
