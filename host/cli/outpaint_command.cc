#include "host/cli/outpaint_command.h"

#include <memory>
#include <utility>

#include "host/cli/option_values.h"
#include "host/cli/outpaint_rounds.h"

namespace patchbay {
namespace {

struct Options {
  OutpaintOptions outpaint;
  GenerateOptions generate;
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

}  // namespace

CLI::App* AddOutpaintCommand(CLI::App& program, CommandAction& action, ModelDescriber describe,
                             GenerateRunner runner) {
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("outpaint", "Paint what lies beyond a picture's edges");
  command->add_option("PICTURE", options->outpaint.picture_file, "Picture to extend")->required();
  DeclareGenerateOptions(*command, options->generate);
  options->generate.of_hires.clear();
  for (const char* name : kMeaningless) command->remove_option(command->get_option(name));
  command->get_option("PROMPT")->required(false)->description("What the whole picture shows");
  DeclareOutpaintOptions(*command, options->outpaint);
  RefuseEmptyValues(*command, {"PROMPT", "--negative"});
  command->callback([&action, options, describe = std::move(describe), runner = std::move(runner)] {
    action = [options, describe, runner] {
      return PaintInRounds(options->outpaint, options->generate, describe, runner);
    };
  });
  return command;
}

}  // namespace patchbay
