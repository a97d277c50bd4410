#ifndef PATCHBAY_HOST_BASE_CANCELLATION_CHECK_H_
#define PATCHBAY_HOST_BASE_CANCELLATION_CHECK_H_

#include <functional>

namespace patchbay {

// Whether somebody wants the work to end. Asked between its parts, on the thread that works; empty:
// nobody can.
using CancellationCheck = std::function<bool()>;

inline bool Asked(const CancellationCheck& is_cancelled) { return is_cancelled && is_cancelled(); }

}  // namespace patchbay

#endif  // PATCHBAY_HOST_BASE_CANCELLATION_CHECK_H_
