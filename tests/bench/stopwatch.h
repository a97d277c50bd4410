#ifndef PATCHBAY_TESTS_BENCH_STOPWATCH_H_
#define PATCHBAY_TESTS_BENCH_STOPWATCH_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace patchbay {

// Seconds that `work` takes.
inline double Seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The process's largest resident memory so far, in bytes; 0 where the system does not say. Not
// getrusage(), which starts from what the parent process had used.
inline int64_t PeakBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kibibytes = 0;
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace patchbay

#endif  // PATCHBAY_TESTS_BENCH_STOPWATCH_H_
