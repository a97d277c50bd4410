#ifndef PATCHBAY_HOST_VALIDATOR_HOOK_LIST_H_
#define PATCHBAY_HOST_VALIDATOR_HOOK_LIST_H_

#include <map>
#include <string>

#include "host/runtime/hooks/sampling_hooks.h"

namespace patchbay {

// The hooks that hang on a model, each with the number of sites or functions.
std::map<std::string, int> HookList(const ModelHooks& hooks, size_t site_count);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_HOOK_LIST_H_
