#ifndef PATCHBAY_HOST_VALIDATOR_ISOLATED_RUN_H_
#define PATCHBAY_HOST_VALIDATOR_ISOLATED_RUN_H_

#include <chrono>
#include <cstdint>
#include <functional>

#include "host/validator/check.h"

namespace patchbay {

struct IsolationLimits {
  std::chrono::milliseconds time = std::chrono::seconds(60);
  // Of memory that the child may write to.
  uint64_t bytes = uint64_t{4} << 30;
};

// Runs `body` in a child process of its own and gives its verdict. The child's end by a signal, by
// exit() or at the time limit is a failure that says where it was (see Place). The caller has one
// thread only: the child begins as a copy of it. What the child prints is dropped, except where it
// helps to understand its end.
Verdict RunIsolated(const std::function<Verdict(Place&)>& body, const IsolationLimits& limits);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_ISOLATED_RUN_H_
