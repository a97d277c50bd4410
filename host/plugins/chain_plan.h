#ifndef PATCHBAY_HOST_PLUGINS_CHAIN_PLAN_H_
#define PATCHBAY_HOST_PLUGINS_CHAIN_PLAN_H_

#include <string>
#include <vector>

#include "host/plugins/plugin_status.h"

namespace patchbay {

// One plugin of a chain, as it hangs on a model.
struct ChainLink {
  std::string plugin;
  std::string build;               // SHA-256 of its library
  SettingPairs settings;           // all, those included that nobody gave
  std::vector<std::string> sites;  // that it hooks, in the denoiser's order
  std::vector<std::string> hooks;  // by their ids, sorted
};

// What a job runs with, in the order in which it acts.
struct ChainPlan {
  std::string digest;  // names builds, settings and order
  std::vector<ChainLink> links;
  std::vector<std::string> warnings;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_CHAIN_PLAN_H_
