#include "host/base/process_memory.h"

#include <climits>
#include <cstdlib>  // also defines __GLIBC__
#include <fstream>
#include <string>
#include <string_view>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace patchbay {

void ConfigureProcessMemory() {
#if defined(__GLIBC__)
  // Larger than any activation; weights are larger still in sum but not one by one.
  constexpr int kMapAbove = 1 << 30;
  mallopt(M_MMAP_THRESHOLD, kMapAbove);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
  // Other threads' arenas cannot hold such blocks and would map each of them.
  mallopt(M_ARENA_MAX, 1);
  // Fewer, larger steps when the heap grows.
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

void ReturnFreedMemory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

uint64_t PeakMemoryBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    constexpr std::string_view kPeak = "VmHWM:";
    if (line.starts_with(kPeak))
      return std::strtoull(line.c_str() + kPeak.size(), nullptr, 10) << 10;
  }
  return 0;
}

void ResetPeakMemory() {
  // proc(5): 5 resets the peak to what is held now.
  std::ofstream("/proc/self/clear_refs") << "5";
}

}  // namespace patchbay
