#ifndef PATCHBAY_HOST_BASE_STOPWATCH_H_
#define PATCHBAY_HOST_BASE_STOPWATCH_H_

#include <chrono>

namespace patchbay {

// Adds the seconds until it goes out of scope to a total, which must outlive it.
class Stopwatch {
 public:
  explicit Stopwatch(double& total) : total_(total) {}
  ~Stopwatch() {
    total_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& total_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_BASE_STOPWATCH_H_
