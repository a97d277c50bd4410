#include "host/engine/thread_limit.h"

#include <algorithm>
#include <thread>

namespace patchbay {
namespace {

constexpr unsigned kThreadsForEach = 4;
constexpr unsigned kMostProcessors = 1 << 16;

}  // namespace

int MostThreads() {
  // The library may answer 0, for "not known".
  const unsigned at_once = std::clamp(std::thread::hardware_concurrency(), 1u, kMostProcessors);
  return static_cast<int>(kThreadsForEach * at_once);
}

}  // namespace patchbay
