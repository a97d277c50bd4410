#ifndef PATCHBAY_BRIDGES_COMMON_PICTURE_ORIENTATION_H_
#define PATCHBAY_BRIDGES_COMMON_PICTURE_ORIENTATION_H_

#include <string_view>

#include "bridges/common/picture.h"

namespace patchbay {

// How a camera was held, by an EXIF block that begins with its TIFF header (Exif 2.32, 4.6.4 A):
// 1, upright, to 8. 1 for a block that is damaged or says nothing.
int OrientationInExif(std::string_view exif);

// Turned and mirrored so that it is upright.
Picture Upright(const Picture& picture, int orientation);

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_PICTURE_ORIENTATION_H_
