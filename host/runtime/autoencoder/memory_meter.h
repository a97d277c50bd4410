// LibTorch's CPU memory, counted and limited, for tests.

#ifndef PATCHBAY_HOST_RUNTIME_AUTOENCODER_MEMORY_METER_H_
#define PATCHBAY_HOST_RUNTIME_AUTOENCODER_MEMORY_METER_H_

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace patchbay {

// While it lives, tensors get their memory from here; there may be one at a time, and tensors that
// it made may outlive it.
class MemoryMeter final : public c10::Allocator {
 public:
  MemoryMeter() : previous_(c10::GetCPUAllocator()) {
    live_ = 0;
    peak_ = 0;
    c10::SetCPUAllocator(this, kPriority);
  }
  ~MemoryMeter() override { c10::SetCPUAllocator(previous_, kPriority); }

  // Requests beyond this many bytes alive fail as they do on a full device.
  void set_limit(int64_t bytes) { limit_ = bytes; }
  int64_t peak() const { return peak_; }

  c10::DataPtr allocate(size_t bytes) override {
    void* block = nullptr;
    if (posix_memalign(&block, kAlignment, std::max<size_t>(bytes, 1)) != 0) std::abort();
    const auto size = static_cast<int64_t>(malloc_usable_size(block));
    const int64_t live = live_.fetch_add(size) + size;
    if (live > limit_) {
      Free(block);
      throw c10::OutOfMemoryError({__func__, __FILE__, __LINE__}, "the test's limit is reached");
    }
    peak_ = std::max<int64_t>(peak_, live);
    return {block, block, &Free, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &Free; }
  void copy_data(void* target, const void* source, size_t bytes) const override {
    default_copy_data(target, source, bytes);
  }

 private:
  static constexpr uint8_t kPriority = 100;
  static constexpr size_t kAlignment = 64;

  static void Free(void* block) {
    live_ -= static_cast<int64_t>(malloc_usable_size(block));
    std::free(block);
  }

  static inline std::atomic<int64_t> live_ = 0;
  static inline std::atomic<int64_t> peak_ = 0;
  c10::Allocator* previous_;
  int64_t limit_ = std::numeric_limits<int64_t>::max();
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_AUTOENCODER_MEMORY_METER_H_
