// What a plugin does when the host refuses it something, or calls it wrongly.

#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "host/plugins/attach_context.h"
#include "host/plugins/host_functions.h"
#include "host/plugins/site_list.h"
#include "host/validator/check.h"
#include "host/validator/refusing_attach.h"
#include "host/validator/trial.h"

namespace patchbay {
namespace {

// A buffer for an error's text with watched bytes behind it.
struct GuardedError {
  static constexpr unsigned char kGuard = 0x5A;
  patchbay_error error;
  unsigned char guard[256];

  GuardedError() {
    std::memset(this, kGuard, sizeof(*this));
    error.struct_size = sizeof(error);
    error.text[0] = 0;
  }
  // What is wrong with what a failing call has left; empty: nothing.
  std::string Damage() const {
    for (const unsigned char byte : guard) {
      if (byte != kGuard) return "it wrote behind the error's text";
    }
    if (strnlen(error.text, sizeof(error.text)) == sizeof(error.text)) {
      return "its error's text has no end";
    }
    return error.text[0] == 0 ? "it failed without saying why" : "";
  }
};

using TrialCheck = Verdict (*)(Trial&);

std::function<Verdict(const Subject&, Place&)> WithTrial(TrialCheck check) {
  return [check](const Subject& subject, Place& place) -> Verdict {
    const auto trial = Trial::Open(subject, place);
    return trial.ok() ? check(**trial) : FromStatus(trial.status());
  };
}

// Calls create() with one value, which it may accept or refuse.
Verdict TryValue(Trial& trial, const patchbay_value& value, const char* what) {
  trial.place().Set(absl::StrCat("in create() with ", what));
  GuardedError guarded;
  patchbay_instance* instance = nullptr;
  const patchbay_status status =
      trial.library().functions().create(&HostFunctions(), &value, 1, &instance, &guarded.error);
  if (status == PATCHBAY_OK) {
    if (instance == nullptr) return Fail("create() says OK and gives no instance");
    trial.library().functions().destroy(instance);
    return Pass();
  }
  if (status < 0 || status > PATCHBAY_DATA_LOSS) {
    return Fail(absl::StrCat("create() gives status ", status, ", which has no meaning"));
  }
  const std::string damage = guarded.Damage();
  return damage.empty() ? Pass() : Fail(absl::StrCat(damage, " (create() with ", what, ")"));
}

Verdict SurvivesUnknownNumber(Trial& trial) {
  patchbay_value value{};
  value.struct_size = sizeof(value);
  value.number = 1'000'000;
  value.type = PATCHBAY_FIELD_INT;
  return TryValue(trial, value, "a parameter's number that it does not know");
}

Verdict SurvivesUnknownChoice(Trial& trial) {
  for (const PluginField& field : trial.library().description().fields) {
    if (field.type != PATCHBAY_FIELD_CHOICE) continue;
    patchbay_value value{};
    value.struct_size = sizeof(value);
    value.number = field.number;
    value.type = PATCHBAY_FIELD_CHOICE;
    const std::string text(4096, 'z');
    value.text = text.c_str();
    return TryValue(trial, value, "a choice that it does not know");
  }
  return Skip("it has no choices");
}

// Attaches with ever more of the host's answers, until none is refused.
Verdict HandsRefusalsOn(Trial& trial) {
  constexpr int64_t kMostQuestions = 64;
  const std::vector<patchbay_site> sites = ListSites(trial.model().unet->sites());
  for (int64_t allowed = 0; allowed < kMostQuestions; ++allowed) {
    patchbay_error create_error{};
    create_error.struct_size = sizeof(create_error);
    patchbay_instance* instance = nullptr;
    if (trial.library().functions().create(&HostFunctions(), nullptr, 0, &instance,
                                           &create_error) != PATCHBAY_OK) {
      return Fail("create() failed");
    }
    int64_t refused = 0;
    patchbay_status status = PATCHBAY_OK;
    GuardedError guarded;
    {
      const ChainEnvironment environment{trial.model().unet->sites(),
                                         trial.info().info(),
                                         trial.monitor(),
                                         trial.shared_objects(),
                                         {}};
      AttachContext context(environment, sites);
      const auto owner = std::make_shared<const HookOwner>(
          HookOwner{trial.library().description().id, trial.library().manifest().sha256, 0,
                    &trial.monitor()});
      RefusingAttach refusing(context.For(owner), allowed);
      trial.place().Set(absl::StrCat("in attach() when question ", allowed + 1, " was refused"));
      status = trial.library().functions().attach(instance, &refusing.attach(), &guarded.error);
      refused = refusing.refused();
      // Hooks go before the instance that they may point into.
      static_cast<void>(context.TakeHooks());
    }
    trial.place().Set("in destroy() after attach() had failed");
    trial.library().functions().destroy(instance);
    if (refused == 0) return allowed == 0 ? Skip("attach() asks the host for nothing") : Pass();
    if (status == PATCHBAY_OK) {
      return Fail("attach() says OK although the host had refused it something");
    }
    if (const std::string damage = guarded.Damage(); !damage.empty()) return Fail(damage);
  }
  return Pass(absl::StrCat("the first ", kMostQuestions, " questions"));
}

}  // namespace

std::vector<Check> FaultChecks() {
  std::vector<Check> checks = {
      {"fault.number", "A parameter that it does not know does no harm",
       "Ignore it, or fail with a reason.", "instance.create", WithTrial(SurvivesUnknownNumber)},
      {"fault.choice", "A choice that it does not know does no harm",
       "Ignore it, or fail with a reason.", "instance.create", WithTrial(SurvivesUnknownChoice)},
      {"fault.attach", "When the host refuses a hook, attach() fails with the reason",
       "Return the status that you were given, with its text.", "instance.attach",
       WithTrial(HandsRefusalsOn)},
  };
  for (Check& check : PassFaultChecks()) checks.push_back(std::move(check));
  return checks;
}

}  // namespace patchbay
