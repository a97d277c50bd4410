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
 * Actions run one at a time on a thread of their own, each with an instance that was made and
 * attached for it alone. Its hooks are called on that thread, and only by what the action asks for.
 *
 * Jobs go on meanwhile. The host lends the model to the action for one question, or for a second or
 * two of questions that follow each other, and then lets a job run if one waits. What the action
 * computes by itself runs beside the jobs. */

typedef struct patchbay_action {
  uint32_t struct_size;
  const char* id; /* "calibrate" */
  const char* title;
  const char* help;
  const patchbay_field* fields; /* what a request may say */
  uint32_t field_count;
} patchbay_action;

typedef struct patchbay_action_context patchbay_action_context;

/* What an action draws from. */
typedef struct patchbay_action_prompts {
  uint32_t struct_size;
  /* Pictures at once, 1 to 64; the arrays have one text for each. */
  uint32_t picture_count;
  const char* const* prompts;
  const char* const* negative_prompts; /* NULL: empty ones */
  uint64_t seed;                       /* of the first picture; the others count up from it */
  /* Latent pixels; 0: those of the pictures that the model was trained on. */
  int64_t latent_height;
  int64_t latent_width;
} patchbay_action_prompts;

/* How a sampler draws them. */
typedef struct patchbay_action_pass {
  uint32_t struct_size;
  int32_t step_count;
  const char* sampler;   /* as requests name it; NULL: the model's own */
  const char* schedule;  /* likewise */
  double guidance_scale; /* 1: without the negative prompts */
} patchbay_action_pass;

/* [any], while the action runs; set_prompts and draw on the action's thread. */
typedef struct patchbay_action_functions {
  uint32_t struct_size;
  /* fraction: 0..1. */
  void (*progress)(const patchbay_action_context* context, double fraction, const char* text);
  /* Not 0: someone has cancelled the action; return PATCHBAY_CANCELLED soon. */
  int32_t (*is_cancelled)(const patchbay_action_context* context);
  /* Keeps a result under a file name for whoever asked. */
  patchbay_status (*artifact)(const patchbay_action_context* context, const char* name,
                              const void* bytes, uint64_t size, patchbay_error* error);
  /* Says what follows is about: encodes the prompts, begins a pass of the instance's hooks
   * (begin_pass) and ends the one before. From then on the model's denoise, noise and uniform
   * answer as in a job with these prompts and seeds, at step 0; hooks see
   * PATCHBAY_EVALUATION_AUXILIARY. */
  patchbay_status (*set_prompts)(const patchbay_action_context* context,
                                 const patchbay_action_prompts* prompts, patchbay_error* error);
  /* Draws the prompts as a job does, hooks included, down to the clean latents [B, C, h, w]; it is
   * a pass of its own. `latents` may be NULL. CANCELLED within a step after a cancellation. */
  patchbay_status (*draw)(const patchbay_action_context* context, const patchbay_action_pass* pass,
                          patchbay_tensor* latents, patchbay_error* error);
} patchbay_action_functions;

struct patchbay_action_context {
  uint32_t struct_size;
  const patchbay_action_functions* functions;
  /* The model it is to work on. denoise, noise and uniform need set_prompts first. */
  const patchbay_model* model;
  const patchbay_value* values;
  uint32_t value_count;
  void* host; /* the host's own */
};

#if defined(__cplusplus)
}
#endif

#endif /* PATCHBAY_ABI_ACTION_H_ */
