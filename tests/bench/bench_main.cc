// patchbay_bench unet MODEL bf16|fp32 THREADS [SIZE]
// patchbay_bench operators bf16|fp32 THREADS
// What tests/bench/run.py drives; see README.md beside it.

#include <ATen/Parallel.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "host/base/library_environment.h"
#include "host/base/process_memory.h"
#include "tests/bench/operators_bench.h"
#include "tests/bench/unet_bench.h"

namespace {

// As the program itself.
__attribute__((section(".preinit_array"), used)) constexpr auto kBeforeLibraries =
    &patchbay::SetLibraryEnvironment;

}  // namespace

int main(int argc, char** argv) {
  patchbay::ConfigureProcessMemory();
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() >= 4 && words[0] == "unet") {
    at::set_num_threads(std::atoi(words[3].c_str()));
    const int size = words.size() > 4 ? std::atoi(words[4].c_str()) : 512;
    return patchbay::RunUNetBench(words[1], words[2], size);
  }
  if (words.size() == 3 && words[0] == "operators") {
    at::set_num_threads(std::atoi(words[2].c_str()));
    return patchbay::RunOperatorsBench(words[1]);
  }
  std::cerr << "usage: patchbay_bench unet MODEL bf16|fp32 THREADS [SIZE]\n"
               "       patchbay_bench operators bf16|fp32 THREADS\n";
  return 2;
}
