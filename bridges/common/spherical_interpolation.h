#ifndef PATCHBAY_BRIDGES_COMMON_SPHERICAL_INTERPOLATION_H_
#define PATCHBAY_BRIDGES_COMMON_SPHERICAL_INTERPOLATION_H_

#include "bridges/common/float_planes.h"

namespace patchbay {

// ComfyUI's "bislerp" (comfy/utils.py): planes of another size, from 1x1 on, interpolated along the
// lines and then along the columns. The channels of a place are one vector: its direction turns
// along the great circle between its neighbours' directions, its length is the linear mean of
// theirs. Directions that are nearly equal: the first vector; nearly opposite: the linear mean.
FloatPlanes InterpolateSpherically(const FloatPlanes& planes, int width, int height);

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_SPHERICAL_INTERPOLATION_H_
