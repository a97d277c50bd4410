#ifndef PATCHBAY_TESTS_BENCH_STOPWATCH_H_
#define PATCHBAY_TESTS_BENCH_STOPWATCH_H_

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
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

// The process's largest resident memory so far, in bytes.
inline int64_t PeakBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace patchbay

#endif  // PATCHBAY_TESTS_BENCH_STOPWATCH_H_
