#ifndef PATCHBAY_BRIDGES_WEBUI_MASK_FILL_H_
#define PATCHBAY_BRIDGES_WEBUI_MASK_FILL_H_

#include "bridges/common/picture.h"

namespace patchbay::webui {

// The picture [W x H, RGB] with what is white in `mask` [W x H, grey] replaced by the colours
// around it: the rest, blurred ever less, laid over itself (A1111, modules/masking.py, fill).
Picture FillFromSurroundings(const Picture& picture, const Picture& mask);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_MASK_FILL_H_
