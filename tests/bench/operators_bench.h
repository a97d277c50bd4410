#ifndef PATCHBAY_TESTS_BENCH_OPERATORS_BENCH_H_
#define PATCHBAY_TESTS_BENCH_OPERATORS_BENCH_H_

#include <string>

namespace patchbay {

// Prints our modules' times beside those of LibTorch's plain operators, at the shapes of a 512x512
// step of Stable Diffusion 1.5 with guidance: milliseconds, medians of interleaved runs. Returns
// the exit status.
int RunOperatorsBench(const std::string& precision);

}  // namespace patchbay

#endif  // PATCHBAY_TESTS_BENCH_OPERATORS_BENCH_H_
