#ifndef PATCHBAY_HOST_CLI_RESOURCES_H_
#define PATCHBAY_HOST_CLI_RESOURCES_H_

#include <string>

#include "absl/status/statusor.h"

namespace patchbay {

// What comes with the program lies in ../share/patchbay and ../lib/patchbay beside the folder of
// the executable, in a build folder as well as after installation.

// The model that is used without --model. NOT_FOUND says how to name another one.
absl::StatusOr<std::string> DefaultModelFolder();
// The path that was given, or that model's.
absl::StatusOr<std::string> ModelPathOrDefault(const std::string& path);

// Where the plugins that come with the program are.
std::string BuiltPluginsFolder();

// What `plugin new` makes a plugin's project of.
std::string PluginTemplateFolder();

// The program that tries a plugin's library in a process of its own; stands beside this one.
std::string PluginManifestProgram();

// The program that serves the bridges; stands beside this one.
std::string BridgesProgram();

// CLIP's own vocabulary, for checkpoints that carry none; empty when it was not installed.
std::string VocabularyFile();

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_RESOURCES_H_
