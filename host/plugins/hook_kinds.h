#ifndef PATCHBAY_HOST_PLUGINS_HOOK_KINDS_H_
#define PATCHBAY_HOST_PLUGINS_HOOK_KINDS_H_

#include <vector>

#include "host/plugins/hook_adapters.h"

namespace patchbay {

// The two halves of OfferedHooks(): what hangs on a pass and its steps, and what hangs on sites.
std::vector<HookKind> SamplingHookKinds();
std::vector<HookKind> DenoiserHookKinds();

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_HOOK_KINDS_H_
