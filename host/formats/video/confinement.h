#ifndef PATCHBAY_HOST_FORMATS_VIDEO_CONFINEMENT_H_
#define PATCHBAY_HOST_FORMATS_VIDEO_CONFINEMENT_H_

#include "absl/status/status.h"

namespace patchbay {

// From now on this process can use the descriptors that it has, compute and end: no file, socket,
// process or thread can be made, and memory is bounded. A file that takes a decoder over gains
// nothing by it. FAILED_PRECONDITION where the system cannot do this; files are not read then.
absl::Status ConfineThisProcess();

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_VIDEO_CONFINEMENT_H_
