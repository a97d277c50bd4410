#ifndef PATCHBAY_ABI_STATUS_H_
#define PATCHBAY_ABI_STATUS_H_

#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

/* The canonical codes of gRPC and abseil, with their numbers. */
typedef int32_t patchbay_status;

enum {
  PATCHBAY_OK = 0,
  PATCHBAY_CANCELLED = 1,
  PATCHBAY_UNKNOWN = 2,
  PATCHBAY_INVALID_ARGUMENT = 3,
  PATCHBAY_DEADLINE_EXCEEDED = 4,
  PATCHBAY_NOT_FOUND = 5,
  PATCHBAY_ALREADY_EXISTS = 6,
  PATCHBAY_PERMISSION_DENIED = 7,
  PATCHBAY_RESOURCE_EXHAUSTED = 8,
  PATCHBAY_FAILED_PRECONDITION = 9,
  PATCHBAY_ABORTED = 10,
  PATCHBAY_OUT_OF_RANGE = 11,
  PATCHBAY_UNIMPLEMENTED = 12,
  PATCHBAY_INTERNAL = 13,
  PATCHBAY_UNAVAILABLE = 14,
  PATCHBAY_DATA_LOSS = 15
};

#define PATCHBAY_ERROR_TEXT_SIZE 1024

/* Where a function that fails says why, for a person. The caller owns it; the callee writes at most
 * PATCHBAY_ERROR_TEXT_SIZE bytes with the zero at the end. Say what was wrong, where, and what to
 * do. */
typedef struct patchbay_error {
  uint32_t struct_size;
  char text[PATCHBAY_ERROR_TEXT_SIZE];
} patchbay_error;

#if defined(__cplusplus)
}
#endif

#endif /* PATCHBAY_ABI_STATUS_H_ */
