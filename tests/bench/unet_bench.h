#ifndef PATCHBAY_TESTS_BENCH_UNET_BENCH_H_
#define PATCHBAY_TESTS_BENCH_UNET_BENCH_H_

#include <string>

namespace patchbay {

// Loads the U-Net in the diffusers folder `model`, then serves standard input, one word a line:
// "step" runs a step with guidance (batch 2) and prints its seconds; "idle PAIRS" prints what share
// a chain without work adds to a step, over so many pairs of steps; "peak" prints the process's
// largest memory in bytes. First prints "ready" with the seconds that loading took.
// Returns the exit status.
int RunUNetBench(const std::string& model, const std::string& precision, int size);

}  // namespace patchbay

#endif  // PATCHBAY_TESTS_BENCH_UNET_BENCH_H_
