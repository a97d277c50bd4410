#include "host/base/short_spins.h"

#include <unistd.h>

#include <climits>
#include <cstddef>

// Runs before anything is initialised: no memory is asked for and no object of ours used. Nor are
// sanitizers ready.
#define PATCHBAY_BEFORE_CONSTRUCTORS __attribute__((no_sanitize("address", "thread", "undefined")))

namespace patchbay {
namespace {

constexpr std::size_t kMostVariables = 4096;

char setting[] = "GOMP_SPINCOUNT=1000";
char* variables[kMostVariables + 2];
char program[PATH_MAX];

PATCHBAY_BEFORE_CONSTRUCTORS bool BeginsWith(const char* text, const char* beginning) {
  for (; *beginning != 0; ++text, ++beginning) {
    if (*text != *beginning) return false;
  }
  return true;
}

}  // namespace

PATCHBAY_BEFORE_CONSTRUCTORS void PreferShortSpins(int /*argc*/, char** argv, char** environment) {
  std::size_t count = 0;
  for (; environment[count] != nullptr; ++count) {
    if (count == kMostVariables || BeginsWith(environment[count], "GOMP_SPINCOUNT=") ||
        BeginsWith(environment[count], "OMP_WAIT_POLICY=")) {
      return;
    }
    variables[count] = environment[count];
  }
  variables[count] = setting;
  const ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
  if (length <= 0) return;
  program[length] = 0;
  execve(program, argv, variables);
}

}  // namespace patchbay
