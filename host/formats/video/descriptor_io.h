#ifndef PATCHBAY_HOST_FORMATS_VIDEO_DESCRIPTOR_IO_H_
#define PATCHBAY_HOST_FORMATS_VIDEO_DESCRIPTOR_IO_H_

#include "absl/status/statusor.h"
#include "host/formats/video/libav.h"

namespace patchbay {

// Lets libav read or write one descriptor of a regular file, and nothing else.
struct AvIoDeleter {
  void operator()(AVIOContext* io) const;
};
using AvIo = std::unique_ptr<AVIOContext, AvIoDeleter>;

absl::StatusOr<AvIo> OpenDescriptor(int descriptor, bool for_writing);

// For AVFormatContext::io_open: a container may not lead to other files.
int RefuseToOpen(AVFormatContext* context, AVIOContext** io, const char* url, int flags,
                 AVDictionary** options);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_VIDEO_DESCRIPTOR_IO_H_
