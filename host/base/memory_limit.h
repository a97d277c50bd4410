#ifndef PATCHBAY_HOST_BASE_MEMORY_LIMIT_H_
#define PATCHBAY_HOST_BASE_MEMORY_LIMIT_H_

#include <cstdint>

namespace patchbay {

// The bytes that this process can hold at the very most, whatever else runs: physical memory and
// swap space, or the limit on its address space (RLIMIT_AS) where that is smaller.
uint64_t MostMemory();

}  // namespace patchbay

#endif  // PATCHBAY_HOST_BASE_MEMORY_LIMIT_H_
