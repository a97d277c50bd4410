#include "host/formats/video/descriptor_io.h"

#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace patchbay {
namespace {

constexpr int kBufferBytes = 1 << 16;

int DescriptorOf(void* opaque) { return static_cast<int>(reinterpret_cast<intptr_t>(opaque)); }

int Read(void* opaque, uint8_t* bytes, int count) {
  const ssize_t got = read(DescriptorOf(opaque), bytes, static_cast<size_t>(count));
  if (got < 0) return AVERROR(errno);
  return got == 0 ? AVERROR_EOF : static_cast<int>(got);
}

int Write(void* opaque, uint8_t* bytes, int count) {
  for (int done = 0; done < count;) {
    const ssize_t written =
        write(DescriptorOf(opaque), bytes + done, static_cast<size_t>(count - done));
    if (written < 0) return AVERROR(errno);
    done += static_cast<int>(written);
  }
  return count;
}

int64_t Seek(void* opaque, int64_t offset, int whence) {
  if ((whence & AVSEEK_SIZE) != 0) {
    const off_t here = lseek(DescriptorOf(opaque), 0, SEEK_CUR);
    const off_t size = lseek(DescriptorOf(opaque), 0, SEEK_END);
    if (size < 0 || lseek(DescriptorOf(opaque), here, SEEK_SET) < 0) return AVERROR(errno);
    return size;
  }
  const off_t place = lseek(DescriptorOf(opaque), offset, whence & ~AVSEEK_FORCE);
  return place < 0 ? AVERROR(errno) : place;
}

}  // namespace

void AvIoDeleter::operator()(AVIOContext* io) const {
  av_freep(&io->buffer);
  avio_context_free(&io);
}

absl::StatusOr<AvIo> OpenDescriptor(int descriptor, bool for_writing) {
  auto* const buffer = static_cast<uint8_t*>(av_malloc(kBufferBytes));
  AVIOContext* const io =
      buffer == nullptr
          ? nullptr
          : avio_alloc_context(buffer, kBufferBytes, for_writing ? 1 : 0,
                               reinterpret_cast<void*>(static_cast<intptr_t>(descriptor)), &Read,
                               &Write, &Seek);
  if (io != nullptr) return AvIo(io);
  av_free(buffer);
  return absl::ResourceExhaustedError("no memory to read a file with");
}

int RefuseToOpen(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) {
  return AVERROR(EACCES);
}

}  // namespace patchbay
