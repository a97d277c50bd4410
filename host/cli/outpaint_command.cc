#include "host/cli/outpaint_command.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/cli/clip_outpainting.h"
#include "host/cli/clip_source.h"
#include "host/cli/option_values.h"
#include "host/cli/outpaint_rounds.h"

namespace patchbay {
namespace {

struct Options {
  OutpaintOptions outpaint;
  GenerateOptions generate;
  std::vector<const CLI::Option*> of_clips;
};

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
          ->check(CLI::ExistingFile),
      command
          .add_option("--adapt", outpaint.adapt_steps,
                      "Of a clip: train such an adapter first, for so many steps")
          ->check(CLI::Range(1, 100000)),
      command.add_option("--save-adapter", outpaint.save_adapter_file,
                         "Of a clip: keep the adapter that --adapt makes in this file")};
}

absl::Status CheckForPicture(const Options& options) {
  for (const CLI::Option* option : options.of_clips) {
    if (option->count() == 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(option->get_name(), " is for clips, and ",
                                                   options.outpaint.picture_file, " is a picture"));
  }
  return absl::OkStatus();
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
  RefuseEmptyValues(*command, {"PROMPT", "--negative"});
  command->callback([&action, options, tools = std::move(tools)] {
    action = [options, tools] {
      const OutpaintOptions& outpaint = options->outpaint;
      if (IsClip(outpaint.picture_file)) {
        return PaintClip(outpaint, options->generate, tools.open_drawer, tools.run_action);
      }
      if (absl::Status status = CheckForPicture(*options); !status.ok()) return status;
      return PaintInRounds(outpaint, options->generate, tools.describe, tools.draw);
    };
  });
  return command;
}

}  // namespace patchbay
