#ifndef PATCHBAY_BRIDGES_COMFYUI_NODE_VALUE_H_
#define PATCHBAY_BRIDGES_COMFYUI_NODE_VALUE_H_

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bridges/common/float_planes.h"
#include "bridges/common/json.h"
#include "bridges/common/picture.h"
#include "patchbay/v1/generation.pb.h"

namespace patchbay::comfyui {

// What travels along a graph's links. Models stay on the host: their values only say which one is
// meant and what was done to it. Values are immutable once a node has made them.

// A LoRA by its name in the host's folder.
struct LoraChoice {
  std::string name;
  double weight = 1;
  bool operator==(const LoraChoice&) const = default;
};

// MODEL: a checkpoint's denoiser with LoRAs and plugins.
struct ModelValue {
  std::string model;
  std::vector<LoraChoice> loras;
  std::vector<v1::PluginChoice> plugins;
};

// CLIP: a checkpoint's text encoders.
struct ClipValue {
  std::string model;
  std::vector<LoraChoice> loras;
  int last_layer = 0;  // -1 the last, -2 the one before; 0: the model's own
  bool operator==(const ClipValue&) const = default;
};

// VAE: a checkpoint's autoencoder.
struct VaeValue {
  std::string model;
};

// The sizes that SDXL's denoiser is told, in pixels.
struct ToldSizes {
  int width = 0, height = 0, crop_x = 0, crop_y = 0, target_width = 0, target_height = 0;
};

// CONDITIONING: a text. It is encoded when it is drawn with.
struct ConditioningValue {
  std::string text;
  ClipValue clip;
  // Why the host cannot draw with it; empty: it can. Where a conditioning is not looked at, such as
  // the negative one without guidance, that does not matter.
  std::string obstacle = "";
  std::optional<ToldSizes> sizes = {};  // absent: those of what is drawn
};

// IMAGE: pictures of one size, RGB.
struct ImageValue {
  std::vector<Picture> pictures;
  // The host's files (PNG, with A1111's text) of which these pictures were read; as many, or none.
  std::vector<std::string> files;
};

// MASK: pictures of one size, grey; white is what is meant.
struct MaskValue {
  std::vector<Picture> masks;
};

// LATENT: latents of one size, in one of four forms. Empty ones are zeros. Pictures wait for their
// encoding, which a sampler's generation does on the way. What the host made stays there, as an
// artifact; what nodes here computed is numbers.
struct LatentValue {
  int width = 0, height = 0, batch = 1;  // of the pictures, in pixels
  ImageValue unencoded;                  // `batch` pictures, or one for all
  std::string artifact_id;
  std::shared_ptr<const FloatPlanes> numbers;
  // Whose autoencoder encodes the pictures, and whose denoiser's scale the numbers have. Absent:
  // numbers have the scale that autoencoders work at.
  std::optional<std::string> model;

  // What the latent decodes to with `model`, where the generation that made it also decoded it.
  ImageValue decoded;
  std::optional<MaskValue> mask;  // white is drawn anew
  // Which of the seed's noises each one gets; empty: the first, the second and so on.
  std::vector<int> noise_indices;

  bool IsEmpty() const {
    return unencoded.pictures.empty() && artifact_id.empty() && numbers == nullptr;
  }
};

// SAMPLER, SIGMAS, NOISE and GUIDER: the parts of a sampling, named one by one.
struct SamplerValue {
  std::string name;
};
// The levels from number `first` to number `last` of those that a schedule has. ComfyUI counts the
// last `steps` + 1 of `steps` / `denoise` steps' levels.
struct SigmasValue {
  std::string scheduler;
  int steps = 20;
  double denoise = 1;
  int first = 0;
  std::optional<int> last = {};  // absent: the end, level 0
};
struct NoiseValue {
  uint64_t seed = 0;
  bool is_added = true;
};
struct GuiderValue {
  ModelValue model;
  ConditioningValue positive, negative;
  double cfg = 1;
};

// An output that this server cannot give; whoever uses it fails with the reason.
struct UnavailableValue {
  std::string reason;
};

// Json: INT, FLOAT, STRING, BOOLEAN and combo values.
using NodeValue =
    std::variant<Json, ModelValue, ClipValue, VaeValue, ConditioningValue, ImageValue, MaskValue,
                 LatentValue, SamplerValue, SigmasValue, NoiseValue, GuiderValue, UnavailableValue>;
using NodeValues = std::vector<std::shared_ptr<const NodeValue>>;

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_NODE_VALUE_H_
