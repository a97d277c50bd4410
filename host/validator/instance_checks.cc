// Making instances and hanging them on a model.

#include <algorithm>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "host/plugins/host_functions.h"
#include "host/validator/check.h"
#include "host/validator/process_state.h"
#include "host/validator/refusal.h"
#include "host/validator/trial.h"

namespace patchbay {
namespace {

// What an instance or a chain may leave behind each time: allocators keep a little.
constexpr double kMostBytes = 256;

Verdict Growth(double bytes) {
  if (bytes <= kMostBytes) return Pass();
  return Fail(absl::StrCat(static_cast<int64_t>(bytes), " bytes stay behind each time"));
}

// An instance at its defaults; null and a text when there is none.
patchbay_instance* Create(const Trial& trial, std::string& why) {
  patchbay_error error{};
  error.struct_size = sizeof(error);
  patchbay_instance* instance = nullptr;
  const patchbay_status status =
      trial.library().functions().create(&HostFunctions(), nullptr, 0, &instance, &error);
  if (status == PATCHBAY_OK && instance == nullptr) why = "create() says OK and gives no instance";
  if (status != PATCHBAY_OK) {
    why = absl::StrCat("create() gives status ", status, ": ",
                       std::string(error.text, strnlen(error.text, sizeof(error.text))));
    instance = nullptr;
  }
  return instance;
}

using TrialCheck = Verdict (*)(Trial&);

std::function<Verdict(const Subject&, Place&)> WithTrial(TrialCheck check) {
  return [check](const Subject& subject, Place& place) -> Verdict {
    const auto trial = Trial::Open(subject, place);
    return trial.ok() ? check(**trial) : FromStatus(trial.status());
  };
}

Verdict CanBeMade(Trial& trial) {
  trial.place().Set("in create()");
  std::string why;
  patchbay_instance* const instance = Create(trial, why);
  if (instance == nullptr) return Fail(why);
  trial.place().Set("in destroy()");
  trial.library().functions().destroy(instance);
  return Pass();
}

Verdict CanBeMadeOften(Trial& trial) {
  std::string why;
  const double growth = GrowthPerCall(100, [&] {
    trial.place().Set("in create()");
    patchbay_instance* const instance = Create(trial, why);
    trial.place().Set("in destroy()");
    if (instance != nullptr) trial.library().functions().destroy(instance);
  });
  return why.empty() ? Growth(growth) : Fail(why);
}

Verdict InstancesAreApart(Trial& trial) {
  std::string why;
  trial.place().Set("in create() of a second instance");
  patchbay_instance* const first = Create(trial, why);
  patchbay_instance* const second = Create(trial, why);
  if (first == nullptr || second == nullptr) return Fail(why);
  if (first == second) return Fail("two instances have one address");
  trial.place().Set("in destroy() of the first of two instances");
  trial.library().functions().destroy(first);
  trial.place().Set("in destroy() of the second of two instances");
  trial.library().functions().destroy(second);
  return Pass();
}

Verdict CanBeAttached(Trial& trial) {
  const auto chain = trial.Attach();
  if (chain.ok()) return Pass();
  const std::string why(chain.status().message());
  if (IsRefusal(chain.status())) {
    return Skip(absl::StrCat("it refuses the tiny SD1 model: ", why,
                             " (other settings can be given with --settings)"));
  }
  return Fail(why);
}

Verdict CanBeAttachedOften(Trial& trial) {
  absl::Status status;
  const double growth = GrowthPerCall(20, [&] { status = trial.Attach().status(); });
  return status.ok() ? Growth(growth) : FromStatus(status);
}

Verdict AttachesToTwo(Trial& trial) {
  auto first = trial.Attach();
  auto second = trial.Attach();
  if (!first.ok() || !second.ok()) return Fail("a second chain cannot be built beside the first");
  trial.place().Set("while the first of two chains was let go of");
  first->reset();
  trial.place().Set("while the second of two chains was let go of");
  second->reset();
  return Pass();
}

}  // namespace

std::vector<Check> InstanceChecks() {
  return {
      {"instance.create", "An instance can be made and destroyed",
       "create() with no values at all means all defaults.", "library.matches_manifest",
       WithTrial(CanBeMade)},
      {"instance.growth", "A hundred instances leave nothing behind",
       "destroy() frees all that create() took.", "instance.create", WithTrial(CanBeMadeOften)},
      {"instance.apart", "Instances are independent of each other",
       "Keep state in the instance, none in globals.", "instance.create",
       WithTrial(InstancesAreApart)},
      {"instance.attach", "It can be hung on a model",
       "The message says what was refused; a model that it cannot serve is FAILED_PRECONDITION.",
       "instance.create", WithTrial(CanBeAttached)},
      {"instance.attach_growth", "Chains that come and go leave nothing behind",
       "Give add_hook a release function for what its data points to.", "instance.attach",
       WithTrial(CanBeAttachedOften)},
      {"instance.two_chains", "It can be part of two chains at once",
       "attach() may run again while hooks of another chain are in use.", "instance.attach",
       WithTrial(AttachesToTwo)},
  };
}

}  // namespace patchbay
