#include "host/cli/interrupt.h"

#include <atomic>
#include <csignal>

namespace patchbay {
namespace {

// A signal handler can reach nothing else; this is the one mutable global of the program.
std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void OnSignal(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void CatchInterrupts() {
  std::signal(SIGINT, OnSignal);
  std::signal(SIGTERM, OnSignal);
}

bool WasInterrupted() { return interrupted; }

}  // namespace patchbay
