// The plugin on models of other structures than the one of the other checks.

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "host/validator/check.h"
#include "host/validator/drawing.h"
#include "host/validator/trial.h"

namespace patchbay {
namespace {

// Whether this says that something does not fit, rather than that something broke.
bool IsRefusal(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status) ||
         absl::IsNotFound(status) || absl::IsUnimplemented(status) || absl::IsOutOfRange(status);
}

Verdict DrawOn(ModelFamily family, const Subject& subject, Place& place) {
  const auto trial = Trial::Open(subject, place, at::kFloat, family);
  if (!trial.ok()) return FromStatus(trial.status());
  const auto chain = (*trial)->Attach();
  if (!chain.ok()) {
    const std::string message(chain.status().message());
    if (IsRefusal(chain.status())) return Pass(absl::StrCat("refuses it: ", message));
    return Fail(message);
  }
  place.Set("while it drew");
  const auto drawn = Draw((*trial)->model(), &(*chain)->hooks(), TrialRequest());
  if (!drawn.ok()) return FromStatus(drawn.status());
  for (const float value : drawn->values) {
    if (!std::isfinite(value)) return Fail("the result has numbers that are not finite");
  }
  return Pass();
}

Check FamilyCheck(const char* id, const char* title, ModelFamily family) {
  return {id, title,
          "Look sites up by what they are (kind, scale, part), not by name, and where a model of "
          "this structure cannot be served, say so in attach() or with families().",
          "pass.runs", [family](const Subject& subject, Place& place) {
            return DrawOn(family, subject, place);
          }};
}

}  // namespace

std::vector<Check> FamilyChecks() {
  return {FamilyCheck("family.sd1", "It serves the structure of Stable Diffusion 1 or refuses it",
                      ModelFamily::kStableDiffusion1),
          FamilyCheck("family.sd2", "It serves the structure of Stable Diffusion 2 or refuses it",
                      ModelFamily::kStableDiffusion2),
          FamilyCheck("family.sdxl", "It serves the structure of SDXL or refuses it",
                      ModelFamily::kStableDiffusionXl)};
}

}  // namespace patchbay
