#include "host/cli/model_quantize_command.h"

#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/cli/option_values.h"
#include "host/cli/plugin_action_command.h"
#include "host/cli/resources.h"
#include "host/engine/integer_model.h"

namespace patchbay {
namespace {

constexpr char kPlanFile[] = "plan.json";

struct Options {
  std::string model;
  std::string scheme = "w8a8";
  std::string plan;
  bool rotate = false;
  std::string keep;
  std::string output;
};

// The plugin, set as the options say.
ChosenPlugin QuantizerFor(const Options& options) {
  ChosenPlugin plugin{"quantizer", {{"scheme", options.scheme}}};
  if (!options.plan.empty()) plugin.settings.emplace_back("plan", options.plan);
  if (options.rotate) plugin.settings.emplace_back("rotate", "true");
  if (!options.keep.empty()) plugin.settings.emplace_back("keep", options.keep);
  return plugin;
}

std::string Ending(const Options& options) {
  if (!options.plan.empty()) return std::filesystem::path(options.plan).stem().string();
  return options.rotate ? absl::StrCat(options.scheme, "-rotated") : options.scheme;
}

double MebiBytes(uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

void Report(const std::string& path, const IntegerModel& model) {
  std::printf("%s\n", path.c_str());
  std::fprintf(stderr, "the U-Net takes %.1f MiB instead of %.1f (%.2f x)\n",
               MebiBytes(model.stored_bytes), MebiBytes(model.unet_bytes),
               static_cast<double>(model.stored_bytes) / static_cast<double>(model.unet_bytes));
  if (model.other_parts.empty()) {
    std::fprintf(stderr, "note: %s\n", model.where_to_put.c_str());
  } else {
    std::fprintf(stderr, "its text encoders and autoencoder are those of %s\n",
                 model.other_parts.c_str());
  }
}

absl::Status Quantize(const Options& options) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::string model, ModelPathOrDefault(options.model));
  const std::string output =
      options.output.empty() ? PathBesideModel(model, Ending(options)) : options.output;
  PATCHBAY_RETURN_IF_ERROR(CheckIntegerModelPath(model, output));
  ActionOptions action;
  action.action = "store";
  action.model = model;
  // What the file has, not what this processor would compute with.
  action.engine.precision = "fp32";
  std::map<std::string, std::string> files;
  PATCHBAY_RETURN_IF_ERROR(RunActionOf(QuantizerFor(options), action, KeepIn(files)));
  std::vector<std::string_view> integers;
  std::string plan;
  for (const auto& [name, content] : files) {
    if (name == kPlanFile) {
      plan = content;
    } else {
      integers.emplace_back(content);
    }
  }
  PATCHBAY_ASSIGN_OR_RETURN(const IntegerModel written,
                            WriteIntegerModel(model, output, integers, plan));
  Report(output, written);
  return absl::OkStatus();
}

}  // namespace

void AddModelQuantizeCommand(CLI::App& model, CommandAction& action) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = model.add_subcommand(
      "quantize", "Write a file of the model in which the denoiser's weights are integers");
  command->add_option("PATH", options->model,
                      "Diffusers folder, safetensors or GGUF file (default: the model that comes "
                      "with the program)");
  CLI::Option* const plan = command->add_option("--plan", options->plan,
                                                "A plan of the plugin quantizer, for each layer");
  CLI::Option* const scheme =
      command->add_option("--scheme", options->scheme, "How layers compute: w8a8, w4a8 or w4a16")
          ->check(CLI::IsMember({"w8a8", "w4a8", "w4a16"}))
          ->capture_default_str();
  CLI::Option* const rotate =
      command->add_flag("--rotate", options->rotate,
                        "Rotate inputs and weights, which is more exact and a little slower");
  CLI::Option* const keep =
      command->add_option("--keep", options->keep,
                          "Layers that stay in floating point: parts of their diffusers names, "
                          "separated by \"/\"");
  for (CLI::Option* const said_by_plan : {scheme, rotate, keep}) plan->excludes(said_by_plan);
  command->add_option(
      "-o,--output", options->output,
      "Where to write (default: beside the model, as NAME-SCHEME.safetensors); only "
      "a quantised model is overwritten");
  RefuseEmptyValues(*command, {});
  command->callback([&action, options] { action = [options] { return Quantize(*options); }; });
}

}  // namespace patchbay
