#ifndef PATCHBAY_HOST_CLI_OUTPAINT_OPTIONS_H_
#define PATCHBAY_HOST_CLI_OUTPAINT_OPTIONS_H_

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "host/cli/generate_options.h"
#include "host/engine/plugin_values.h"

namespace patchbay {

// The plugin that paints.
inline constexpr char kOutpainterPlugin[] = "outpainter";

// The options of `patchbay outpaint` that `generate` does not have, as they are typed.
struct OutpaintOptions {
  std::string picture_file;
  std::string margins;
  std::string target_size;  // width x height; in place of `margins`
  std::string mask_file;
  int feathering = -1;  // the plugin's own
  int rounds = 0;       // 0: the program's choice
  std::vector<std::string> reference_files;

  // Of clips.
  int frames_at_once = 16;
  int overlap = -1;  // frames of a job that the one before has painted; -1: the program's choice
  std::string motion_module_file;
  std::string adapter_file;

  // Of clips, and of pictures with references.
  int adapt_steps = 0;  // 0: not said
  std::string save_adapter_file;
  std::vector<std::string> adapt_settings;  // "field=value", of the action adapt
};

// Pixels to be painted: left, top, right, bottom.
using PictureMargins = std::array<int, 4>;

// "40,0,40,0"; one number stands for all four sides. INVALID_ARGUMENT for what is none.
absl::StatusOr<PictureMargins> ParseMargins(const std::string& text);

// The margins of a picture that is to stand in the middle of another size. INVALID_ARGUMENT when it
// is larger than that.
absl::StatusOr<PictureMargins> MarginsToSize(PictureSize picture, PictureSize target);

// Every model's canvases are multiples of this; the plugin cuts off what is too much.
inline constexpr int kCanvasStep = 8;

// What is to be painted around which picture.
struct OutpaintPlan {
  PictureSize picture;
  PictureMargins margins{};
};

// Reads the picture's size. Errors name the option or the file; INVALID_ARGUMENT where nothing
// would be painted.
absl::StatusOr<OutpaintPlan> PlanOutpainting(const OutpaintOptions& options);

// The same for one whose size is known. has_holes: it has transparent pixels, which are painted.
absl::StatusOr<OutpaintPlan> PlanOutpainting(const OutpaintOptions& options, PictureSize picture,
                                             bool has_holes = false);

// `given` and those of `settings` whose fields it does not have.
SettingPairs Overridden(SettingPairs settings, const SettingPairs& given);

// "rank=4": a field and its value. INVALID_ARGUMENT where either is missing.
absl::StatusOr<std::pair<std::string, std::string>> ParseSetting(const std::string& text);

// Adds a plugin with settings to those that `generate` names. Settings that the user gives to it
// directly stay as they are.
void AddPlugin(const std::string& id, const SettingPairs& settings, GenerateOptions& generate);

// Adds to `generate` the plugin, with the options' picture and mask, and the canvas's size.
void AddOutpainting(const OutpaintOptions& options, const OutpaintPlan& plan,
                    GenerateOptions& generate);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_OUTPAINT_OPTIONS_H_
