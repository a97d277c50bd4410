#include "host/engine/jobs/request_field.h"

#include "absl/strings/str_cat.h"
#include "host/engine/jobs/error_reason.h"

namespace patchbay {
namespace {

constexpr size_t kMaxNameBytes = 200;
constexpr size_t kShownBytes = 80;

}  // namespace

absl::Status AboutRequestField(const std::string& field, const absl::Status& status) {
  absl::Status named(status.code(), absl::StrCat(field, ": ", status.message()));
  ErrorDetails details = DetailsOf(status);
  if (details.reason.empty()) details.reason = std::string(error_reason::kInvalidSettings);
  details.metadata["field"] = field;
  return WithDetails(std::move(named), details);
}

absl::Status CheckRequestName(const std::string& field, std::string_view name) {
  constexpr std::string_view kForbidden("/\\\0", 3);
  const bool plain = !name.empty() && name.size() <= kMaxNameBytes && name.front() != '.' &&
                     name.find_first_of(kForbidden) == std::string_view::npos;
  if (plain) return absl::OkStatus();
  return AboutRequestField(
      field, absl::InvalidArgumentError(absl::StrCat("\"", std::string(name.substr(0, kShownBytes)),
                                                     "\" is no name; use 1 to ", kMaxNameBytes,
                                                     " bytes without a slash or a leading dot")));
}

}  // namespace patchbay
