#ifndef PATCHBAY_HOST_PLUGINS_CHAIN_ORDER_H_
#define PATCHBAY_HOST_PLUGINS_CHAIN_ORDER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/plugins/plugin_description.h"
#include "patchbay/abi/plugin.h"

namespace patchbay {

// What a plugin says about its place among others.
struct OrderConstraints {
  std::string id;
  patchbay_phase phase = PATCHBAY_PHASE_NORMAL;
  std::vector<std::string> before;
  std::vector<std::string> after;
  std::vector<std::string> conflicts;
  bool is_repeatable = false;
  // Among the plugins that an operator has put in order, from 1 on; 0: it is none of them.
  int wished_place = 0;
};

OrderConstraints ConstraintsOf(const PluginDescription& plugin, int wished_place);

// The order of a chain: indices into `plugins`. A pure function of what the plugins declare: by
// their before and after, then by phase, then by id; one that is there several times stands in the
// order given. Those with a wished place then share out the
// places that they have among themselves by it, as far as before and after allow. With
// `is_explicit` the given order is kept, and only checked. INVALID_ARGUMENT names two plugins that
// conflict, a cycle, a constraint that an explicit order breaks, or a plugin that is there twice
// without being repeatable.
absl::StatusOr<std::vector<size_t>> OrderChain(const std::vector<OrderConstraints>& plugins,
                                               bool is_explicit);

// Whether the plugins may act in the order given, if they act together: INVALID_ARGUMENT names two
// that declare another one, or a plugin that is there twice without being repeatable.
absl::Status CheckPrecedence(const std::vector<OrderConstraints>& plugins);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_CHAIN_ORDER_H_
