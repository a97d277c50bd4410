#ifndef PATCHBAY_SDK_STABLE_H_
#define PATCHBAY_SDK_STABLE_H_

// The whole SDK for plugins that use LibTorch's stable ABI (torch::stable::Tensor). One build
// serves with every LibTorch from the one on that it was built for.

#define PATCHBAY_SDK_USE_STABLE_TENSOR 1

#include "patchbay/attach.h"
#include "patchbay/description.h"
#include "patchbay/plugin.h"
#include "patchbay/step.h"
#include "patchbay/tensor_file.h"

#endif  // PATCHBAY_SDK_STABLE_H_
