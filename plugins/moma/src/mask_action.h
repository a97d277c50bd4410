#ifndef PATCHBAY_PLUGINS_MOMA_SRC_MASK_ACTION_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_MASK_ACTION_H_

#include <patchbay/aten.h>

#include <string>

namespace moma {

// Of the action that shows where on a picture the subject is.
struct MaskRequest {
  patchbay::Picture image;
  patchbay::Picture mask;
};

void DescribeMask(patchbay::ActionFields<MaskRequest>& d);

// Makes mask.png, of the picture's size: the mask that a job would use. Throws patchbay::Error.
void RunMask(const patchbay::Action& action, const MaskRequest& request);

// A mask [H, W] of bool as a PNG file: white where it is true.
std::string MaskAsPng(const at::Tensor& mask);

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_MASK_ACTION_H_
