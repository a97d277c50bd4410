#ifndef PATCHBAY_HOST_PLUGINS_HOST_FUNCTIONS_H_
#define PATCHBAY_HOST_PLUGINS_HOST_FUNCTIONS_H_

#include "patchbay/abi/plugin.h"

namespace patchbay {

// What every plugin is offered: tensors over DLPack, files of tensors, and a log on the standard
// error stream. Lives as long as the process.
const patchbay_host& HostFunctions();

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_HOST_FUNCTIONS_H_
