#ifndef PATCHBAY_HOST_CLI_GENERATE_OPTIONS_H_
#define PATCHBAY_HOST_CLI_GENERATE_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/cli/engine_options.h"
#include "host/cli/progress.h"
#include "host/engine/engine.h"

namespace patchbay {

// The options of `patchbay generate` as they are typed.
struct GenerateOptions {
  GenerationRequest request;
  EngineChoices engine;
  std::string model;  // a path; with --host, a name

  // Files and texts that CompleteRequest() turns into fields of `request`.
  std::string compat = "diffusers";
  std::string size;
  std::string image_file;
  std::string mask_file;
  std::string hires_size;
  double hires_strength = 0.7;
  int hires_steps = 0;
  std::vector<const CLI::Option*> of_hires;  // which need --hires
  std::string preview_file;
  std::vector<std::string> loras;
  std::vector<std::string> plugins;
  std::vector<std::string> plugin_folders;  // beside the one that comes with the program
  std::string initial_latent_file;
  std::string start_latent_file;
  std::optional<uint64_t> seed;  // absent: a random one

  std::string save_latent_file;
  std::string output_file = "picture.png";
  bool json = false;
  // Of several that paint one picture; only the last one reports what was drawn.
  PaintingRound round;
};

// Declares every option on the subcommand; `options` must outlive it.
void DeclareGenerateOptions(CLI::App& command, GenerateOptions& options);

// Reads the files that the options name and completes `options.request`. INVALID_ARGUMENT and
// NOT_FOUND say which option is wrong.
absl::Status CompleteRequest(GenerateOptions& options);

// Whether the files that a completed request names by their paths can be opened.
absl::Status CheckRequestFiles(const GenerationRequest& request);

// What was typed and means nothing, one sentence each, for the report's warnings.
std::vector<std::string> UnusedOptions(const GenerateOptions& options);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_GENERATE_OPTIONS_H_
