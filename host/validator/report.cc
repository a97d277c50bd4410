#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "host/validator/validate.h"

namespace patchbay {
namespace {

const char* KindName(CheckOutcome::Kind kind) {
  switch (kind) {
    case CheckOutcome::Kind::kPass:
      return "PASS";
    case CheckOutcome::Kind::kFail:
      return "FAIL";
    case CheckOutcome::Kind::kSkip:
      return "SKIP";
  }
  return "FAIL";
}

int64_t Count(const ValidationReport& report, CheckOutcome::Kind kind) {
  return std::count_if(report.checks.begin(), report.checks.end(),
                       [kind](const CheckOutcome& outcome) { return outcome.kind == kind; });
}

}  // namespace

std::string OutcomeLine(const CheckOutcome& outcome) {
  std::string line =
      absl::StrFormat("%s  %-36s %s", KindName(outcome.kind), outcome.id, outcome.title);
  if (!outcome.reason.empty()) absl::StrAppend(&line, ": ", outcome.reason);
  if (!outcome.advice.empty()) absl::StrAppend(&line, "\n      ", outcome.advice);
  return line + "\n";
}

std::string ReportSummary(const ValidationReport& report) {
  return absl::StrCat(report.plugin, ": ", Count(report, CheckOutcome::Kind::kPass), " passed, ",
                      Count(report, CheckOutcome::Kind::kFail), " failed, ",
                      Count(report, CheckOutcome::Kind::kSkip), " skipped\n");
}

std::string ReportJson(const ValidationReport& report) {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const CheckOutcome& outcome : report.checks) {
    checks.push_back({{"id", outcome.id},
                      {"result", KindName(outcome.kind)},
                      {"title", outcome.title},
                      {"reason", outcome.reason},
                      {"advice", outcome.advice},
                      {"seconds", outcome.seconds}});
  }
  const nlohmann::ordered_json json = {
      {"plugin", report.plugin}, {"passed", report.passed()}, {"checks", std::move(checks)}};
  // What a plugin wrote into its error may be anything.
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace patchbay
