#include "host/base/library_environment.h"

#include <unistd.h>

#include <climits>
#include <cstddef>

// Runs before anything is initialised: no memory is asked for and no object of ours used. Nor are
// sanitizers ready.
#define PATCHBAY_BEFORE_CONSTRUCTORS __attribute__((no_sanitize("address", "thread", "undefined")))

namespace patchbay {
namespace {

constexpr std::size_t kMostVariables = 4096;

char short_spins[] = "GOMP_SPINCOUNT=1000";
char same_sums[] = "MKL_CBWR=AUTO";
char* variables[kMostVariables + 3];
char program[PATH_MAX];

PATCHBAY_BEFORE_CONSTRUCTORS bool BeginsWith(const char* text, const char* beginning) {
  for (; *beginning != 0; ++text, ++beginning) {
    if (*text != *beginning) return false;
  }
  return true;
}

}  // namespace

PATCHBAY_BEFORE_CONSTRUCTORS void SetLibraryEnvironment(int /*argc*/, char** argv,
                                                        char** environment) {
  bool spins_are_set = false;
  bool sums_are_set = false;
  std::size_t count = 0;
  for (; environment[count] != nullptr; ++count) {
    if (count == kMostVariables) return;
    const char* const variable = environment[count];
    if (BeginsWith(variable, "GOMP_SPINCOUNT=") || BeginsWith(variable, "OMP_WAIT_POLICY=")) {
      spins_are_set = true;
    }
    if (BeginsWith(variable, "MKL_CBWR=")) sums_are_set = true;
    variables[count] = environment[count];
  }
  if (spins_are_set && sums_are_set) return;
  if (!spins_are_set) variables[count++] = short_spins;
  if (!sums_are_set) variables[count++] = same_sums;
  const ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
  if (length <= 0) return;
  program[length] = 0;
  execve(program, argv, variables);
}

}  // namespace patchbay
