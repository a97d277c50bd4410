#ifndef PATCHBAY_BRIDGES_COMMON_STATUS_MACROS_H_
#define PATCHBAY_BRIDGES_COMMON_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// The bridges see nothing of the host's own code, hence macros of their own. Included by sources
// only.

// Returns from the enclosing function when `expression` is an error.
#define BRIDGE_RETURN_IF_ERROR(expression)                                    \
  do {                                                                        \
    if (absl::Status returned_status = (expression); !returned_status.ok()) { \
      return returned_status;                                                 \
    }                                                                         \
  } while (false)

#define BRIDGE_CONCATENATE_INNER(a, b) a##b
#define BRIDGE_CONCATENATE(a, b) BRIDGE_CONCATENATE_INNER(a, b)

// Evaluates an absl::StatusOr; returns its error or moves its value to `left`.
#define BRIDGE_ASSIGN_OR_RETURN(left, expression) \
  BRIDGE_ASSIGN_OR_RETURN_INNER(BRIDGE_CONCATENATE(status_or_, __LINE__), left, expression)
#define BRIDGE_ASSIGN_OR_RETURN_INNER(result, left, expression) \
  auto result = (expression);                                   \
  if (!result.ok()) return result.status();                     \
  left = *std::move(result)

#endif  // PATCHBAY_BRIDGES_COMMON_STATUS_MACROS_H_
