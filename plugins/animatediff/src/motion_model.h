#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_MOTION_MODEL_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_MOTION_MODEL_H_

#include <patchbay/aten.h>

#include <vector>

#include "plugins/animatediff/src/motion_file.h"
#include "plugins/animatediff/src/motion_sites.h"
#include "plugins/animatediff/src/settings.h"

namespace animatediff {

// The motion modules that the settings name, beside the model's sites for them.
struct MotionModel {
  MotionSites sites;
  // Shared by all chains with the same file; lives as long as the attachment.
  const MotionFile* file = nullptr;
};

// Reads the modules for these places. Throws patchbay::Error.
MotionFile OpenMotionFile(const patchbay::TensorFile& file, ModuleNorm norm,
                          const std::vector<MotionPlace>& places, const at::TensorOptions& options);

// The same, for an attachment.
MotionModel AttachMotionModel(patchbay::Attach& at, const patchbay::TensorFile& file,
                              ModuleNorm norm);

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_MOTION_MODEL_H_
