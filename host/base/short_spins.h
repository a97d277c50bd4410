#ifndef PATCHBAY_HOST_BASE_SHORT_SPINS_H_
#define PATCHBAY_HOST_BASE_SHORT_SPINS_H_

namespace patchbay {

// Makes the threads of parallel loops wait asleep after a thousand turns of spinning. GNU OpenMP's
// default is 300,000, which is no faster on an idle machine and many times slower on one that does
// other work too: a thread that spins takes the processor from the one it waits for.
//
// GNU OpenMP reads its environment when it is loaded and offers no function for this, so the
// program starts itself once more with GOMP_SPINCOUNT set, unless the user has set that or
// OMP_WAIT_POLICY. Place it before all shared libraries' constructors, where this takes a moment
// only, in the file that holds main():
//
//   __attribute__((section(".preinit_array"), used)) constexpr auto kBefore = &PreferShortSpins;
//
// Does nothing where it cannot work.
void PreferShortSpins(int argc, char** argv, char** environment);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_BASE_SHORT_SPINS_H_
