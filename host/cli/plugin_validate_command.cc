#include "host/cli/plugin_validate_command.h"

#include <chrono>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/validator/validate.h"

namespace patchbay {
namespace {

struct ValidateOptions {
  ValidationOptions validation;
  double seconds = 60;
  uint64_t mebibytes = 4096;
  bool json = false;
};

absl::Status Validate(const ValidateOptions& options) {
  ValidationOptions validation = options.validation;
  validation.time_limit = std::chrono::milliseconds(static_cast<int64_t>(options.seconds * 1000));
  validation.memory_limit = options.mebibytes << 20;
  PATCHBAY_ASSIGN_OR_RETURN(const ValidationReport report,
                            ValidatePlugin(validation, [&](const CheckOutcome& outcome) {
                              if (options.json) return;
                              std::fputs(OutcomeLine(outcome).c_str(), stdout);
                              std::fflush(stdout);
                            }));
  std::fputs((options.json ? ReportJson(report) : ReportSummary(report)).c_str(), stdout);
  if (report.passed()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the plugin in ", options.validation.folder, " does not pass"));
}

}  // namespace

void AddPluginValidateCommand(CLI::App& plugin, CommandAction& action) {
  const auto options = std::make_shared<ValidateOptions>();
  CLI::App* validate =
      plugin.add_subcommand("validate", "Check a plugin that was built, without serving it");
  validate
      ->add_option("PATH", options->validation.folder, "Folder with plugin.json and the library")
      ->required();
  validate->add_option("--only", options->validation.only,
                       "Only checks whose names begin like this, and what they need");
  validate->add_option("--previous", options->validation.previous_manifest,
                       "plugin.json of an earlier release, to compare the parameters with");
  validate->add_option(
      "--settings", options->validation.settings,
      "What to try it with: field=value,field=value; a file or a picture by its path");
  validate->add_option("--time-limit", options->seconds, "Seconds that a check may take")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  validate->add_option("--memory-limit", options->mebibytes, "MiB that a check may take")
      ->check(CLI::Range(256, 1 << 20))
      ->capture_default_str();
  validate->add_flag("--json", options->json, "Print JSON");
  validate->callback([&action, options] { action = [options] { return Validate(*options); }; });
}

}  // namespace patchbay
