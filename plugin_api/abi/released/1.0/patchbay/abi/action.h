#ifndef PATCHBAY_ABI_ACTION_H_
#define PATCHBAY_ABI_ACTION_H_

#include <stdint.h>

#include "patchbay/abi/model.h"
#include "patchbay/abi/schema.h"
#include "patchbay/abi/status.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* Draft. A long-running operation that a plugin offers outside of any job: calibrating, training.
 * Actions run one at a time on a thread of their own. */

typedef struct patchbay_action {
  uint32_t struct_size;
  const char* id; /* "calibrate" */
  const char* title;
  const char* help;
  const patchbay_field* fields; /* what a request may say */
  uint32_t field_count;
} patchbay_action;

typedef struct patchbay_action_context patchbay_action_context;

/* [any], while the action runs. */
typedef struct patchbay_action_functions {
  uint32_t struct_size;
  /* fraction: 0..1. */
  void (*progress)(const patchbay_action_context* context, double fraction, const char* text);
  /* Not 0: someone has cancelled the action; return PATCHBAY_CANCELLED soon. */
  int32_t (*is_cancelled)(const patchbay_action_context* context);
  /* Keeps a result under a file name for whoever asked. */
  patchbay_status (*artifact)(const patchbay_action_context* context, const char* name,
                              const void* bytes, uint64_t size, patchbay_error* error);
} patchbay_action_functions;

struct patchbay_action_context {
  uint32_t struct_size;
  const patchbay_action_functions* functions;
  const patchbay_model* model; /* the model it is to work on */
  const patchbay_value* values;
  uint32_t value_count;
  void* host; /* the host's own */
};

#if defined(__cplusplus)
}
#endif

#endif /* PATCHBAY_ABI_ACTION_H_ */
