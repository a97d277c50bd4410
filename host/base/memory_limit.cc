#include "host/base/memory_limit.h"

#include <sys/resource.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <limits>

namespace patchbay {

uint64_t MostMemory() {
  uint64_t bytes = std::numeric_limits<uint64_t>::max();
  struct sysinfo machine {};
  if (sysinfo(&machine) == 0) {
    bytes = (uint64_t{machine.totalram} + machine.totalswap) * machine.mem_unit;
  }
  rlimit address_space{};
  if (getrlimit(RLIMIT_AS, &address_space) == 0 && address_space.rlim_cur != RLIM_INFINITY) {
    bytes = std::min<uint64_t>(bytes, address_space.rlim_cur);
  }
  return bytes;
}

}  // namespace patchbay
