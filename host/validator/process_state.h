#ifndef PATCHBAY_HOST_VALIDATOR_PROCESS_STATE_H_
#define PATCHBAY_HOST_VALIDATOR_PROCESS_STATE_H_

#include <cstddef>
#include <functional>

namespace patchbay {

// Bytes that the process has allocated and not freed.
size_t AllocatedBytes();

// How many bytes more are allocated after each call of `body`, at the end of many: the first calls,
// which fill caches, do not count, and of up to three rounds of `calls` the one that leaves the
// least does. Negative where memory was given back.
double GrowthPerCall(int calls, const std::function<void()>& body);

int ThreadCount();
int OpenFileCount();

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_PROCESS_STATE_H_
