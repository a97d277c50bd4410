#ifndef PATCHBAY_HOST_BASE_LIBRARY_ENVIRONMENT_H_
#define PATCHBAY_HOST_BASE_LIBRARY_ENVIRONMENT_H_

namespace patchbay {

// What the libraries under LibTorch read from the environment and from nowhere else, unless the
// user has set it:
//
// GOMP_SPINCOUNT=1000 (or OMP_WAIT_POLICY). The threads of parallel loops wait asleep after so many
// turns of spinning. GNU OpenMP's default is 300,000, which is no faster on an idle machine and
// many times slower on one that does other work too: a thread that spins takes the processor from
// the one it waits for.
//
// MKL_CBWR=AUTO. Products of matrices are the same, bit by bit, each time that a machine computes
// them with as many threads. MKL's default adds up in the order in which its threads come where
// they share a sum, as they do in training's small matrices.
//
// They read it when they are loaded, so the program starts itself once more with it set. Place it
// before all shared libraries' constructors, where this takes a moment only, in the file that holds
// main():
//
//   __attribute__((section(".preinit_array"), used)) constexpr auto kBefore =
//   &SetLibraryEnvironment;
//
// Does nothing where it cannot work.
void SetLibraryEnvironment(int argc, char** argv, char** environment);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_BASE_LIBRARY_ENVIRONMENT_H_
