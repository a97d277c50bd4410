#ifndef PATCHBAY_HOST_BASE_STATUS_MACROS_H_
#define PATCHBAY_HOST_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function when `expression` (an absl::Status) is an error.
#define PATCHBAY_RETURN_IF_ERROR(expression)                                      \
  do {                                                                            \
    if (absl::Status patchbay_returned = (expression); !patchbay_returned.ok()) { \
      return patchbay_returned;                                                   \
    }                                                                             \
  } while (false)

#define PATCHBAY_STATUS_CONCAT_INNER(a, b) a##b
#define PATCHBAY_STATUS_CONCAT(a, b) PATCHBAY_STATUS_CONCAT_INNER(a, b)

// Assigns the value of `expression` (an absl::StatusOr) to `target`, or returns its error:
//   PATCHBAY_ASSIGN_OR_RETURN(const Picture picture, DecodePicture(bytes));
#define PATCHBAY_ASSIGN_OR_RETURN(target, expression)                                     \
  PATCHBAY_ASSIGN_OR_RETURN_INNER(PATCHBAY_STATUS_CONCAT(patchbay_or_, __LINE__), target, \
                                  expression)

#define PATCHBAY_ASSIGN_OR_RETURN_INNER(temporary, target, expression) \
  auto temporary = (expression);                                       \
  if (!temporary.ok()) {                                               \
    return std::move(temporary).status();                              \
  }                                                                    \
  target = *std::move(temporary)

#endif  // PATCHBAY_HOST_BASE_STATUS_MACROS_H_
