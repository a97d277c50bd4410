#include "host/validator/validate.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "host/validator/check.h"
#include "host/validator/isolated_run.h"

namespace patchbay {
namespace {

std::vector<Check> AllChecks() {
  std::vector<Check> checks;
  for (const auto& group :
       {StaticChecks(), BinaryChecks(), LibraryChecks(), InstanceChecks(), ParameterChecks(),
        FileChecks(), PassChecks(), FaultChecks(), FamilyChecks()}) {
    checks.insert(checks.end(), group.begin(), group.end());
  }
  return checks;
}

// The chosen checks and what they need, transitively. Needs come earlier in the list.
std::set<std::string> Chosen(const std::vector<Check>& checks, const std::string& prefix) {
  std::set<std::string> chosen;
  for (auto check = checks.rbegin(); check != checks.rend(); ++check) {
    if (!absl::StartsWith(check->id, prefix) && !chosen.contains(check->id)) continue;
    chosen.insert(check->id);
    if (check->needs != nullptr) chosen.insert(check->needs);
  }
  return chosen;
}

CheckOutcome RunCheck(const Check& check, const Subject& subject,
                      const ValidationOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const Verdict verdict = RunIsolated([&](Place& place) { return check.run(subject, place); },
                                      {.time = options.time_limit, .bytes = options.memory_limit});
  CheckOutcome outcome;
  outcome.kind = static_cast<CheckOutcome::Kind>(verdict.kind);
  outcome.reason = verdict.reason;
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

}  // namespace

bool ValidationReport::passed() const {
  return std::none_of(checks.begin(), checks.end(), [](const CheckOutcome& outcome) {
    return outcome.kind == CheckOutcome::Kind::kFail;
  });
}

absl::StatusOr<ValidationReport> ValidatePlugin(
    const ValidationOptions& options, const std::function<void(const CheckOutcome&)>& on_outcome) {
  const std::vector<Check> checks = AllChecks();
  const std::set<std::string> chosen = Chosen(checks, options.only);
  if (chosen.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("no check begins with \"", options.only,
                                                   "\"; they are like \"library.loads\""));
  }
  const Subject subject = {options.folder, ReadPluginFolder(options.folder),
                           options.previous_manifest, options.settings};
  ValidationReport report;
  report.plugin = subject.plugin.ok() ? subject.plugin->manifest.description.id : options.folder;
  std::map<std::string, CheckOutcome::Kind> known;
  for (const Check& check : checks) {
    if (!chosen.contains(check.id)) continue;
    CheckOutcome outcome;
    if (check.needs != nullptr && known[check.needs] != CheckOutcome::Kind::kPass) {
      outcome.kind = CheckOutcome::Kind::kSkip;
      outcome.reason = absl::StrCat("needs ", check.needs);
    } else {
      outcome = RunCheck(check, subject, options);
    }
    outcome.id = check.id;
    outcome.title = check.title;
    if (outcome.kind == CheckOutcome::Kind::kFail) outcome.advice = check.advice;
    known[check.id] = outcome.kind;
    on_outcome(outcome);
    report.checks.push_back(std::move(outcome));
  }
  return report;
}

}  // namespace patchbay
