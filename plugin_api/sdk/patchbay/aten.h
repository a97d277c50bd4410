#ifndef PATCHBAY_SDK_ATEN_H_
#define PATCHBAY_SDK_ATEN_H_

// The whole SDK for plugins that use LibTorch's at::Tensor. Such a plugin serves in hosts that were
// built with the same compiler, C++ library and LibTorch.

#include "patchbay/attach.h"
#include "patchbay/description.h"
#include "patchbay/plugin.h"
#include "patchbay/step.h"
#include "patchbay/tensor_file.h"

#endif  // PATCHBAY_SDK_ATEN_H_
