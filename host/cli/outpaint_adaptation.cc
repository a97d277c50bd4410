#include "host/cli/outpaint_adaptation.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/file_writer.h"
#include "host/base/status_macros.h"
#include "host/cli/clip_canvas.h"
#include "host/cli/clip_source.h"
#include "host/cli/interrupt.h"
#include "host/formats/frame_writer.h"

namespace patchbay {
namespace {

// A training step sees some that follow each other; more than these only add variety.
constexpr int64_t kMostFrames = 256;
constexpr char kState[] = "state.safetensors";

// On their canvas, so that what is learned stands where it will be painted around.
absl::Status WriteStart(const OutpaintOptions& options, const std::string& file) {
  PATCHBAY_ASSIGN_OR_RETURN(const auto reader, OpenClip(options.picture_file));
  const ClipInfo& info = reader->info();
  PATCHBAY_ASSIGN_OR_RETURN(const OutpaintPlan plan,
                            PlanOutpainting(options, {info.width, info.height}));
  PATCHBAY_ASSIGN_OR_RETURN(ClipMasks masks, ClipMasks::Open(options.mask_file, info));
  const auto [left, top, right, bottom] = plan.margins;
  const int width = left + info.width + right;
  const int height = top + info.height + bottom;
  const int64_t most =
      std::min(kMostFrames, PictureLimits().max_pixels / (int64_t{width} * height));
  PATCHBAY_ASSIGN_OR_RETURN(const auto writer, CreateClip(file, {width, height, info.rate, ""}));
  for (int64_t i = 0; i < most; ++i) {
    if (WasInterrupted()) return absl::CancelledError("cancelled");
    PATCHBAY_ASSIGN_OR_RETURN(const std::optional<Picture> frame, reader->Next());
    if (!frame.has_value()) break;
    PATCHBAY_ASSIGN_OR_RETURN(const Picture* const mask, masks.Next());
    PATCHBAY_RETURN_IF_ERROR(writer->Add(OnClipCanvas(*frame, mask, plan.margins)));
  }
  return writer->Finish().status();
}

// What of a plugin's settings changes what is trained has to be the same when it is drawn with.
std::string WithSettingsOfTraining(const std::string& plugin, const GenerateOptions& generate) {
  std::string text = plugin;
  for (const std::string& chosen : generate.plugins) {
    const auto given = ParseChosenPlugin(chosen);
    if (!given.ok() || given->id != plugin) continue;
    for (const auto& [field, value] : given->settings) {
      if (field != "scale" && field != "module_norm" && field != "groupnorm_over_frames") continue;
      absl::StrAppend(&text, text == plugin ? ":" : ",", field, "=", QuoteSetting(value));
    }
  }
  return text;
}

// From which training goes on, beside what is kept.
std::string StateBeside(const std::string& adapter_file) {
  const std::filesystem::path path(adapter_file);
  return (path.parent_path() / absl::StrCat(path.stem().string(), ".", kState)).string();
}

// Runs the plugin's action adapt and keeps the file that it makes under this name as `target`.
absl::Status Adapt(const std::string& plugin, SettingPairs settings, const OutpaintOptions& options,
                   const GenerateOptions& generate, const ActionProgram& run,
                   const std::string& result, const std::string& target) {
  ActionOptions action;
  action.plugin = WithSettingsOfTraining(plugin, generate);
  action.action = "adapt";
  action.model = generate.model;
  action.engine = generate.engine;
  settings.emplace_back("prompt", generate.request.prompt);
  if (options.adapt_steps > 0) {
    settings.emplace_back("steps", absl::StrCat(options.adapt_steps));
  }
  SettingPairs given;
  for (const std::string& text : options.adapt_settings) {
    PATCHBAY_ASSIGN_OR_RETURN(given.emplace_back(), ParseSetting(text));
  }
  action.settings = Overridden(std::move(settings), given);
  std::map<std::string, std::string> files;
  const ActionFileSink keep = KeepIn(files);
  const std::string state =
      options.save_adapter_file.empty() ? "" : StateBeside(options.save_adapter_file);
  const absl::Status status =
      run(action, [&](const std::string& name, std::string_view content) -> absl::Status {
        if (name == kState && !state.empty()) return WriteFileAtomically(state, {content});
        return keep(name, content);
      });
  if (absl::IsCancelled(status) && !state.empty()) {
    return absl::CancelledError(absl::StrCat(status.message(), "; what was trained is in ", state,
                                             ": go on by --adapt-with resume=", state));
  }
  PATCHBAY_RETURN_IF_ERROR(status);
  const auto made = files.find(result);
  if (made == files.end()) {
    return absl::InternalError(absl::StrCat("the adaptation made no file ", result));
  }
  return WriteFileAtomically(target, {made->second});
}

}  // namespace

absl::Status CheckSavedAdapter(const OutpaintOptions& options, const GenerateOptions& generate) {
  const std::string& file = options.save_adapter_file;
  if (file.empty()) return absl::OkStatus();
  std::vector<std::string> others = options.reference_files;
  others.insert(others.end(), {options.picture_file, options.mask_file, options.motion_module_file,
                               generate.output_file, generate.model});
  others.insert(others.end(), generate.loras.begin(), generate.loras.end());
  for (const std::string& written : {file, StateBeside(file)}) {
    for (const std::string& other : others) {
      std::error_code ignored;
      if (other.empty() || (!LeadToSameFile(written, other) &&
                            !std::filesystem::equivalent(written, other, ignored))) {
        continue;
      }
      return absl::InvalidArgumentError(absl::StrCat("--save-adapter ", file, " would write over ",
                                                     other, "; name another file"));
    }
    if (const absl::Status status = CheckWritable(written); !status.ok()) {
      return absl::Status(status.code(), absl::StrCat("--save-adapter ", status.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status AdaptToClip(const OutpaintOptions& options, const GenerateOptions& generate,
                         const TemporaryFolder& folder, const ActionProgram& run,
                         const std::string& adapter_file) {
  const std::string clip = folder.FileNamed("clip.webp");
  PATCHBAY_RETURN_IF_ERROR(WriteStart(options, clip));
  return Adapt("animatediff", {{"frames", clip}, {"module", options.motion_module_file}}, options,
               generate, run, "adaptation.safetensors", adapter_file);
}

absl::Status AdaptToReferences(const OutpaintOptions& options, const GenerateOptions& generate,
                               const ActionProgram& run, const std::string& lora_file) {
  PATCHBAY_ASSIGN_OR_RETURN(const OutpaintPlan plan, PlanOutpainting(options));
  const auto [left, top, right, bottom] = plan.margins;
  SettingPairs settings = {{"picture", options.picture_file},
                           {"left", absl::StrCat(left)},
                           {"top", absl::StrCat(top)},
                           {"right", absl::StrCat(right)},
                           {"bottom", absl::StrCat(bottom)}};
  if (!options.mask_file.empty()) settings.emplace_back("mask", options.mask_file);
  for (size_t i = 0; i < options.reference_files.size(); ++i) {
    settings.emplace_back(absl::StrCat("reference", i + 1), options.reference_files[i]);
  }
  return Adapt("outpainter", std::move(settings), options, generate, run, "lora.safetensors",
               lora_file);
}

}  // namespace patchbay
