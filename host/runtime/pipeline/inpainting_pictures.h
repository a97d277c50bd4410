#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_INPAINTING_PICTURES_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_INPAINTING_PICTURES_H_

#include "absl/status/statusor.h"
#include "host/formats/picture.h"

namespace patchbay {

// The mask in one channel. Where any of it is transparent, its opacity says what is painted, which
// is how a mask painted on an empty layer comes; else its brightness (create_binary_mask in A1111's
// modules/processing.py).
Picture GreyMask(const Picture& mask);

// Whether nothing of the grey mask is at least half white, so that nothing is painted.
bool PaintsNothing(const Picture& grey_mask);

// `drawn` with the original over it where nothing was painted: exactly the original where the mask
// is black, exactly what was drawn where it is half white or more, a mixture between
// (apply_overlay in A1111's modules/processing.py). The original and the mask are taken at the size
// of `drawn`, what is transparent in the original shows white. Returns RGB. INVALID_ARGUMENT when
// one is no picture.
absl::StatusOr<Picture> WithOriginalOver(const Picture& drawn, const Picture& original,
                                         const Picture& grey_mask);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_INPAINTING_PICTURES_H_
