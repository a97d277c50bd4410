#ifndef PATCHBAY_HOST_BASE_PROCESS_MEMORY_H_
#define PATCHBAY_HOST_BASE_PROCESS_MEMORY_H_

#include <cstdint>

namespace patchbay {

// Tells the C library to keep freed memory instead of returning it to the system at once. By
// default glibc maps every block above 32 MiB anew and unmaps it when it is freed, so that each
// large result is paid for in page faults: a linear layer that computes 2.5 TF/s into a kept buffer
// falls to 0.7 TF/s. The program's peak memory stays what it is; only idle memory grows, up to that
// peak, until somebody calls ReturnFreedMemory().
//
// Call once at the start of main(), before other threads exist. Does nothing on other C libraries.
void ConfigureProcessMemory();

// Returns what is free now to the system: for after rare work, of whose memory little else can make
// use. Any thread may call.
void ReturnFreedMemory();

// The most memory that the process has held since the last call of ResetPeakMemory(), in bytes,
// files that it has mapped included; 0 where the system does not say. Any thread may call.
uint64_t PeakMemoryBytes();
void ResetPeakMemory();

}  // namespace patchbay

#endif  // PATCHBAY_HOST_BASE_PROCESS_MEMORY_H_
