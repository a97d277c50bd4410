// Alone, since only this needs LibTorch's version.
#include "host/plugins/abi_rules.h"
#include "patchbay/build_fingerprint.h"

namespace patchbay {

HostAbi ThisHostAbi() { return {AbiVersion(), PATCHBAY_BUILD_FINGERPRINT, TORCH_VERSION}; }

}  // namespace patchbay
