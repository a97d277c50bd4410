#include "host/cli/outpaint_command.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/cli/clip_outpainting.h"
#include "host/cli/clip_source.h"
#include "host/cli/option_values.h"
#include "host/cli/outpaint_adaptation.h"
#include "host/cli/outpaint_rounds.h"
#include "host/cli/output_files.h"
#include "host/cli/temporary_folder.h"

namespace patchbay {
namespace {

struct Options {
  OutpaintOptions outpaint;
  GenerateOptions generate;
  std::vector<const CLI::Option*> of_clips;
};

constexpr size_t kMostReferences = 5;

// What says where `generate` paints says nothing here.
constexpr const char* kMeaningless[] = {
    "--size",       "--image",          "--strength",       "--mask",           "--overlay",
    "--hires",      "--hires-strength", "--hires-steps",    "--initial-latent", "--start-latent",
    "--first-step", "--end-step",       "--no-added-noise", "--keep-noise"};

void DeclareOutpaintOptions(CLI::App& command, OutpaintOptions& options) {
  CLI::Option* margins =
      command
          .add_option("--margins", options.margins,
                      "Pixels to paint: LEFT,TOP,RIGHT,BOTTOM, or one number for all sides")
          ->check(CheckedBy(ParseMargins));
  command
      .add_option("--to", options.target_size,
                  "Size to paint up to, width x height, with the picture in the middle")
      ->check(CheckedBy(ParseSize))
      ->excludes(margins);
  command.add_option("--mask", options.mask_file,
                     "Of the picture's size: white is painted anew, as are transparent pixels");
  command
      .add_option("--feathering", options.feathering,
                  "Pixels inside the picture's edge over which it passes into what is painted "
                  "(default: 0)")
      ->check(CLI::Range(0, 512));
  command
      .add_option("--rounds", options.rounds,
                  "Paint the margins in so many rounds, from the inside out; 0: as many as keep "
                  "each within half of the model's own size")
      ->check(CLI::Range(0, kMostRounds))
      ->capture_default_str();
}

void DeclareClipOptions(CLI::App& command, Options& options) {
  OutpaintOptions& outpaint = options.outpaint;
  constexpr int kMostFrames = 64;  // pictures of a job
  options.of_clips = {
      command
          .add_option("--frames-at-once", outpaint.frames_at_once,
                      "Of a clip: frames that are drawn together")
          ->check(CLI::Range(1, kMostFrames))
          ->capture_default_str(),
      command
          .add_option(
              "--overlap", outpaint.overlap,
              "Of a clip: of these, frames that were painted before and lead on (default: a "
              "quarter with --motion-module, else 0)")
          ->check(CLI::Range(0, kMostFrames - 1)),
      command
          .add_option("--motion-module", outpaint.motion_module_file,
                      "Of a clip: file for the plugin animatediff, which lets frames act on each "
                      "other")
          ->check(CLI::ExistingFile),
      command
          .add_option("--adapter", outpaint.adapter_file,
                      "Of a clip: what its action adapt has made of this clip before")
          ->check(CLI::ExistingFile)};
}

// What trains before it paints.
void DeclareAdaptationOptions(CLI::App& command, OutpaintOptions& options) {
  command
      .add_option("--reference", options.reference_files,
                  "Of a picture: another one of the same scene or subject, up to five; a LoRA is "
                  "trained on them first")
      ->check(CLI::ExistingFile)
      ->allow_extra_args(false)
      ->take_all();
  command
      .add_option("--adapt", options.adapt_steps,
                  "Train on the clip, or on the references, for so many steps (of a clip it is "
                  "trained on only then)")
      ->check(CLI::Range(1, 100000));
  command
      .add_option("--adapt-with", options.adapt_settings,
                  "FIELD=VALUE, a parameter of the training, as `patchbay plugin actions "
                  "animatediff` or, for references, `outpainter` lists them (repeatable)")
      ->check(CheckedBy(ParseSetting))
      ->allow_extra_args(false)
      ->take_all();
  command.add_option("--save-adapter", options.save_adapter_file,
                     "Keep what is trained in this file: for --adapter, or of references for "
                     "--lora; and beside it NAME.state.safetensors, from which --adapt-with "
                     "resume=FILE goes on");
}

absl::Status CheckForPicture(const Options& options) {
  const OutpaintOptions& outpaint = options.outpaint;
  for (const CLI::Option* option : options.of_clips) {
    if (option->count() == 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(option->get_name(), " is for clips, and ",
                                                   outpaint.picture_file, " is a picture"));
  }
  if (outpaint.reference_files.size() > kMostReferences) {
    return absl::InvalidArgumentError(absl::StrCat("--reference: ", outpaint.reference_files.size(),
                                                   " pictures; give ", kMostReferences,
                                                   " at the most"));
  }
  if (!outpaint.reference_files.empty()) return absl::OkStatus();
  const char* const misplaced = outpaint.adapt_steps > 0              ? "--adapt"
                                : !outpaint.save_adapter_file.empty() ? "--save-adapter"
                                : !outpaint.adapt_settings.empty()    ? "--adapt-with"
                                                                      : nullptr;
  if (misplaced == nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(misplaced, " is for clips, or for a picture with --reference"));
}

absl::Status PaintPicture(const Options& options, const OutpaintTools& tools) {
  if (absl::Status status = CheckForPicture(options); !status.ok()) return status;
  const OutpaintOptions& outpaint = options.outpaint;
  PATCHBAY_ASSIGN_OR_RETURN(const RoundsPlan plan,
                            PlanRounds(outpaint, options.generate, tools.describe));
  if (outpaint.reference_files.empty()) {
    return PaintInRounds(outpaint, options.generate, plan, tools.draw);
  }
  PATCHBAY_RETURN_IF_ERROR(CheckSavedAdapter(outpaint, options.generate));
  PATCHBAY_RETURN_IF_ERROR(tools.check(plan.FirstTask(outpaint, options.generate)));
  PATCHBAY_ASSIGN_OR_RETURN(const auto folder, TemporaryFolder::Make());
  const std::string lora = outpaint.save_adapter_file.empty()
                               ? folder->FileNamed("lora.safetensors")
                               : outpaint.save_adapter_file;
  PATCHBAY_RETURN_IF_ERROR(AdaptToReferences(outpaint, options.generate, tools.run_action, lora));
  GenerateOptions generate = options.generate;
  generate.loras.push_back(lora);
  return PaintInRounds(outpaint, generate, plan, tools.draw);
}

absl::Status PaintClipOnly(const Options& options, const OutpaintTools& tools) {
  if (!options.outpaint.reference_files.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--reference is for pictures, and ", options.outpaint.picture_file,
                     " is a clip; --adapt trains on the clip itself"));
  }
  return PaintClip(options.outpaint, options.generate, tools.check, tools.open_drawer,
                   tools.run_action);
}

}  // namespace

CLI::App* AddOutpaintCommand(CLI::App& program, CommandAction& action, OutpaintTools tools) {
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("outpaint", "Paint what lies beyond a picture's edges");
  command
      ->add_option("PICTURE", options->outpaint.picture_file,
                   "Picture to extend; or a clip: a video, an animation, a folder of pictures")
      ->required();
  DeclareGenerateOptions(*command, options->generate);
  options->generate.of_hires.clear();
  for (const char* name : kMeaningless) command->remove_option(command->get_option(name));
  command->get_option("PROMPT")->required(false)->description("What the whole picture shows");
  command->get_option("--output")
      ->description(
          "Picture to write: .png, .jpg or .webp; for a clip .mp4, .webm, .webp, .gif, or a folder "
          "of "
          "PNG files");
  DeclareOutpaintOptions(*command, options->outpaint);
  DeclareClipOptions(*command, *options);
  DeclareAdaptationOptions(*command, options->outpaint);
  RefuseEmptyValues(*command, {"PROMPT", "--negative"});
  command->callback([&action, options, tools = std::move(tools)] {
    action = [options, tools]() -> absl::Status {
      PATCHBAY_ASSIGN_OR_RETURN(const bool is_clip, IsClip(options->outpaint.picture_file));
      return is_clip ? PaintClipOnly(*options, tools) : PaintPicture(*options, tools);
    };
  });
  return command;
}

}  // namespace patchbay
