#ifndef PATCHBAY_BRIDGES_COMFYUI_NODE_VALUE_H_
#define PATCHBAY_BRIDGES_COMFYUI_NODE_VALUE_H_

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

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
};

// VAE: a checkpoint's autoencoder.
struct VaeValue {
  std::string model;
};

// CONDITIONING: a text. It is encoded when it is drawn with.
struct ConditioningValue {
  std::string text;
  ClipValue clip;
};

// IMAGE: pictures of one size, RGB.
struct ImageValue {
  std::vector<Picture> pictures;
  // The texts that the host's files of these pictures carried; as many, or none.
  std::vector<std::string> infotexts;
};

// MASK: pictures of one size, grey; white is what is meant.
struct MaskValue {
  std::vector<Picture> masks;
};

// LATENT: either a size to start from noise at, or pictures. The host takes and gives pictures;
// they are encoded when they are drawn from, and what was drawn is already decoded.
struct LatentValue {
  int width = 0, height = 0, batch = 1;  // of the pictures
  ImageValue image;                      // no pictures: noise
  std::optional<MaskValue> mask;         // white is drawn anew
};

// SAMPLER, SIGMAS, NOISE and GUIDER: the parts of a sampling, named one by one.
struct SamplerValue {
  std::string name;
};
struct SigmasValue {
  std::string scheduler;
  int steps = 20;
  double denoise = 1;
};
struct NoiseValue {
  uint64_t seed = 0;
};
struct GuiderValue {
  ModelValue model;
  ConditioningValue positive, negative;
  double cfg = 1;
};

// Json: INT, FLOAT, STRING, BOOLEAN and combo values.
using NodeValue =
    std::variant<Json, ModelValue, ClipValue, VaeValue, ConditioningValue, ImageValue, MaskValue,
                 LatentValue, SamplerValue, SigmasValue, NoiseValue, GuiderValue>;
using NodeValues = std::vector<std::shared_ptr<const NodeValue>>;

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_NODE_VALUE_H_
