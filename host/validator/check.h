#ifndef PATCHBAY_HOST_VALIDATOR_CHECK_H_
#define PATCHBAY_HOST_VALIDATOR_CHECK_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "host/plugins/plugin_store.h"
#include "host/validator/place.h"

namespace patchbay {

struct Verdict {
  enum class Kind { kPass, kFail, kSkip };
  Kind kind = Kind::kPass;
  // What was found; empty for a pass that has nothing to add.
  std::string reason;
};

inline Verdict Pass(std::string note = "") { return {Verdict::Kind::kPass, std::move(note)}; }
inline Verdict Fail(std::string reason) { return {Verdict::Kind::kFail, std::move(reason)}; }
inline Verdict Skip(std::string reason) { return {Verdict::Kind::kSkip, std::move(reason)}; }
// OK is a pass.
inline Verdict FromStatus(const absl::Status& status) {
  return status.ok() ? Pass() : Fail(std::string(status.message()));
}

// The plugin that is being checked.
struct Subject {
  std::string folder;
  // As its manifest has it, or why that cannot be read.
  absl::StatusOr<InstalledPlugin> plugin;
  // An earlier release's plugin.json, to which this one must be compatible; may be empty.
  std::string previous_manifest;
  // What it is tried with, "field=value,field=value"; "" is all defaults.
  std::string settings;

  const PluginManifest& manifest() const { return plugin->manifest; }
};

// One thing that must be true of a plugin.
struct Check {
  // "library.loads"; stable, for programs.
  const char* id;
  // What is true when it passes.
  const char* title;
  // What an author does when it fails.
  const char* advice;
  // The check without whose pass this one makes no sense; null for none.
  const char* needs;
  std::function<Verdict(const Subject&, Place&)> run;
};

// In the order in which they run. Those of StaticChecks run none of the plugin's code.
std::vector<Check> StaticChecks();
std::vector<Check> BinaryChecks();
std::vector<Check> LibraryChecks();
std::vector<Check> InstanceChecks();
std::vector<Check> ParameterChecks();
std::vector<Check> FileChecks();
std::vector<Check> PassChecks();
std::vector<Check> PassFaultChecks();
std::vector<Check> FaultChecks();
std::vector<Check> FamilyChecks();

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_CHECK_H_
