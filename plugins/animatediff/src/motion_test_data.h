#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_MOTION_TEST_DATA_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_MOTION_TEST_DATA_H_

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

#include "plugins/animatediff/src/motion_file.h"
#include "plugins/animatediff/src/temporal_lora.h"

namespace animatediff {

// For tests: the tensors of a motion module in AnimateDiff's naming, with random numbers.
inline std::map<std::string, at::Tensor> RandomModuleTensors(const std::string& module,
                                                             int64_t channels, int64_t frames) {
  std::map<std::string, at::Tensor> tensors;
  const std::string base = module + ".temporal_transformer.";
  const auto linear = [&](const std::string& name, int64_t outputs, int64_t inputs, bool bias) {
    tensors[base + name + ".weight"] = at::randn({outputs, inputs}) * 0.2;
    if (bias) tensors[base + name + ".bias"] = at::randn({outputs}) * 0.1;
  };
  const auto norm = [&](const std::string& name) {
    tensors[base + name + ".weight"] = 1 + 0.2 * at::randn({channels});
    tensors[base + name + ".bias"] = 0.1 * at::randn({channels});
  };
  norm("norm");
  linear("proj_in", channels, channels, true);
  const std::string layer = "transformer_blocks.0.";
  for (const char* const a : {"0", "1"}) {
    const std::string attention = layer + "attention_blocks." + a + ".";
    for (const char* const name : {"to_q", "to_k", "to_v"}) {
      linear(attention + name, channels, channels, false);
    }
    linear(attention + "to_out.0", channels, channels, true);
    tensors[base + attention + "pos_encoder.pe"] = at::randn({1, frames, channels});
    norm(layer + "norms." + a);
  }
  norm(layer + "ff_norm");
  linear(layer + "ff.net.0.proj", 8 * channels, channels, true);
  linear(layer + "ff.net.2", channels, 4 * channels, true);
  linear("proj_out", channels, channels, true);
  return tensors;
}

// One module, with 2 heads and 4 groups.
inline MotionFile RandomMotionFile(int64_t channels, int64_t frames) {
  at::manual_seed(5);
  const std::string name = "down_blocks.0.motion_modules.0";
  return ReadMotionFile(clip_vision::Weights("test", RandomModuleTensors(name, channels, frames)),
                        {.heads = 2, .norm_groups = 4},
                        {{name, "down_blocks.0.attentions.0", channels}}, at::kDouble);
}

inline ModuleLora RandomLora(const MotionModule& module, int64_t rank) {
  ModuleLora lora = EmptyLora(module);
  for (const LoraPlace& place : PlacesOf(module, lora)) {
    place.change->down = at::randn({rank, place.inputs}, at::kDouble) * 0.2;
    place.change->up = at::randn({place.outputs, rank}, at::kDouble) * 0.2;
  }
  return lora;
}

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_MOTION_TEST_DATA_H_
