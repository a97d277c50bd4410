#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_CHOSEN_PLUGIN_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_CHOSEN_PLUGIN_H_

#include <string>
#include <utility>
#include <vector>

namespace patchbay {

// A plugin as a request names it.
struct ChosenPlugin {
  std::string id;
  // Field and value, as on the command line; what is left out is at its default.
  std::vector<std::pair<std::string, std::string>> settings;
  // SHA-256 of the build to run, or 8 or more of its first digits; empty: the host's choice.
  std::string build = {};
  // Among the plugins of which an operator has said in which order they act, from 1 on; 0: the
  // plugin is none of them.
  int wished_place = 0;
  bool operator==(const ChosenPlugin&) const = default;
};

// A file that comes with a request, under the name by which plugins' settings name it.
struct PluginFile {
  std::string name;
  std::string path;
  // SHA-256 of its bytes; empty: what is at the path may change.
  std::string digest = {};
  bool operator==(const PluginFile&) const = default;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_CHOSEN_PLUGIN_H_
