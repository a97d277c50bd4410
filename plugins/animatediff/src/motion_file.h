#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_MOTION_FILE_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_MOTION_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plugins/animatediff/src/motion_module.h"
#include "plugins/clip_vision/src/weights.h"

namespace animatediff {

// Where a model can have a motion module.
struct MotionPlace {
  std::string name;   // "down_blocks.0.motion_modules.1"
  std::string after;  // what it follows: "down_blocks.0.attentions.1"
  int64_t channels = 0;
  bool required = true;  // the middle block's is not
};

// What shapes do not tell of a module; unset: what the file's layout says.
struct ModuleFacts {
  std::optional<int64_t> heads = {};
  std::optional<int64_t> norm_groups = {};
  std::optional<bool> norm_over_frames = {};
};

// What is written down beside the tensors. metadata: of a file's header, empty for nothing; config:
// the text of a diffusers config.json, or empty. Throws patchbay::Error, which names `file`.
ModuleFacts FactsFrom(const std::string& file, const std::string& heads_metadata,
                      const std::string& groups_metadata, const std::string& over_frames_metadata,
                      const std::string& config);

// All motion modules of a file.
struct MotionFile {
  std::vector<std::optional<MotionModule>> modules;  // by the place
  int64_t longest_window = 0;                        // in frames
  std::string hash;  // of names and numbers, heads and norms: of all that it computes with
};

// Reads the modules for these places, in AnimateDiff's or diffusers' naming (see the README), and
// brings them to the options. Throws patchbay::Error, which names the file and the tensor, for a
// file of something else, for another structure or width, and for missing or misshapen tensors.
MotionFile ReadMotionFile(const clip_vision::Weights& weights, const ModuleFacts& facts,
                          const std::vector<MotionPlace>& places, const at::TensorOptions& options);

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_MOTION_FILE_H_
