#include "host/base/process_memory.h"

#include <climits>
#include <cstdlib>  // also defines __GLIBC__

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

}  // namespace patchbay
