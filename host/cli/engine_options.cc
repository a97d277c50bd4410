#include "host/cli/engine_options.h"

#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "host/cli/resources.h"
#include "host/engine/thread_limit.h"

namespace patchbay {
namespace {

constexpr std::pair<std::string_view, PrecisionChoice> kPrecisions[] = {
    {"auto", PrecisionChoice::kAuto},
    {"fp32", PrecisionChoice::kFloat32},
    {"bf16", PrecisionChoice::kBFloat16},
    {"fp16", PrecisionChoice::kFloat16}};
constexpr std::pair<std::string_view, DeviceChoice> kDevices[] = {
    {"auto", DeviceChoice::kAuto}, {"cpu", DeviceChoice::kCpu}, {"cuda", DeviceChoice::kCuda}};
constexpr std::pair<std::string_view, LoraApplication> kLoraApplications[] = {
    {"auto", LoraApplication::kAuto},
    {"merged", LoraApplication::kMerged},
    {"run-time", LoraApplication::kRunTime}};

// Empty when the number of threads is allowed.
std::string ThreadsComplaint(const std::string& text) {
  int threads = 0;
  if (absl::SimpleAtoi(text, &threads) && threads >= 1 && threads <= MostThreads()) return {};
  return absl::StrCat(text, " is not possible; allowed are 1 to ", MostThreads(),
                      ", four for each thread that this processor runs at once");
}

}  // namespace

void DeclareEngineOptions(CLI::App& command, EngineChoices& choices) {
  EngineOptions& engine = choices.engine;
  choices.declared = {
      command.add_option("--tokenizer", engine.tokenizer_folder,
                         "Tokenizer folder in place of the model's own"),
      command.add_option("--precision", choices.precision, "auto, fp32, bf16 or fp16")
          ->check(CLI::IsMember({"auto", "fp32", "bf16", "fp16"}))
          ->capture_default_str(),
      command.add_option("--device", choices.device, "auto, cpu or cuda")
          ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
          ->capture_default_str(),
      command
          .add_option("--lora-application", choices.lora_application,
                      "merged into the weights, or at run-time beside them")
          ->check(CLI::IsMember({"auto", "merged", "run-time"}))
          ->capture_default_str(),
      command.add_option("--preview-decoder", engine.preview_decoder_file,
                         "TAESD safetensors file for sharper previews"),
      command
          .add_option("--threads", engine.threads,
                      absl::StrCat("Processor threads, 1 to ", MostThreads(),
                                   " on this machine (default: one a core)"))
          ->check(ThreadsComplaint)};
}

EngineOptions CompleteEngineOptions(const EngineChoices& choices) {
  EngineOptions engine = choices.engine;
  for (const auto& [name, choice] : kPrecisions) {
    if (name == choices.precision) engine.precision = choice;
  }
  for (const auto& [name, choice] : kDevices) {
    if (name == choices.device) engine.device = choice;
  }
  for (const auto& [name, choice] : kLoraApplications) {
    if (name == choices.lora_application) engine.lora_application = choice;
  }
  engine.vocabulary_file = VocabularyFile();
  return engine;
}

std::string FirstTypedOption(const EngineChoices& choices) {
  for (const CLI::Option* option : choices.declared) {
    if (option->count() > 0) return option->get_name();
  }
  return {};
}

absl::Status ForTheServerToDecide(const std::string& option) {
  return absl::InvalidArgumentError(
      absl::StrCat(option, " is for the server to decide; give it to `patchbay serve`"));
}

}  // namespace patchbay
