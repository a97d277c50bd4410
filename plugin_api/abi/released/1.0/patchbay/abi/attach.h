#ifndef PATCHBAY_ABI_ATTACH_H_
#define PATCHBAY_ABI_ATTACH_H_

#include <stdint.h>

#include "patchbay/abi/hooks.h"
#include "patchbay/abi/model.h"
#include "patchbay/abi/status.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* How a plugin hangs its hooks on a model: once for each chain and model, while the chain is built
 * and before any job runs with it. What cannot be found or claimed is an error here. */

/* A hook function of any type; cast to the type that the hook's id names before it is called. */
typedef void (*patchbay_function)(void);

typedef struct patchbay_hook {
  uint32_t struct_size;
  /* PATCHBAY_HOOK_... */
  const char* id;
  /* The site's index for hooks that hang on one; otherwise ignored. */
  uint32_t site;
  /* 0: always active. Else only in auxiliary runs that name this overlay. */
  uint32_t overlay;
  patchbay_function function;
  void* data;
  /* Called with `data` when the chain is destroyed, and when add_hook fails; may be NULL. [control]
   */
  void (*release)(void* data);
} patchbay_hook;

enum {
  /* The unconditional prediction is computed also at guidance scale 1. */
  PATCHBAY_REQUIRE_UNCONDITIONAL = 1u << 0
};

/* Draft. The pictures of a job are the frames of one clip: the group norms of resnets and of the
 * network's output take their statistics over all pictures of a run, for each role apart. */
enum { PATCHBAY_REQUIRE_NORMS_OVER_PICTURES = 1u << 1 };

typedef struct patchbay_attach patchbay_attach;

enum { PATCHBAY_INTEGER_PARTS = 2 };

/* Draft. Some inputs of a weight that the model's file stores as integers: the number at output o,
 * kernel position t and input i is steps[o] * multiples[o, t, i / 64] * integers[o, t, i]. */
typedef struct patchbay_integer_part {
  uint32_t struct_size;
  uint32_t reserved;
  int64_t inputs;
  /* 8 bits: int8 [outputs, positions, inputs]. 4 bits: uint8 [outputs, positions, inputs / 2
   * rounded up], the first of two in the lower half of a byte, 8 standing for 0. */
  patchbay_tensor integers;
  patchbay_tensor steps; /* fp32 [outputs] */
  /* uint8 [outputs, positions, inputs / 64 rounded up]; NULL for 8 bits. */
  patchbay_tensor multiples;
} patchbay_integer_part;

/* Draft. What a hook keeps in memory in the place of a weight, for reports. */
typedef struct patchbay_stand_in {
  uint32_t struct_size;
  uint32_t reserved;
  const char* element_type; /* "int8" */
  uint64_t bytes;
} patchbay_stand_in;

typedef struct patchbay_integer_weight {
  uint32_t struct_size;
  uint32_t bits;    /* 8 or 4 */
  uint32_t rotated; /* 1: each 64 inputs by the regular Hadamard matrix of order 64, over 8 */
  /* One after the other along the inputs. */
  uint32_t part_count;
  patchbay_integer_part parts[PATCHBAY_INTEGER_PARTS];
  patchbay_tensor bias; /* may be NULL */
} patchbay_integer_weight;

/* [control], and only during attach. */
typedef struct patchbay_attach_functions {
  uint32_t struct_size;
  uint32_t (*site_count)(const patchbay_attach* attach);
  /* NULL beyond the last. The struct lives as long as the chain. */
  const patchbay_site* (*site)(const patchbay_attach* attach, uint32_t index);
  /* By our name, the diffusers path or the LDM path. NOT_FOUND names the nearest spelling. */
  patchbay_status (*find_site)(const patchbay_attach* attach, const char* name,
                               const patchbay_site** site, patchbay_error* error);
  /* Takes `hook->data` over. INVALID_ARGUMENT: an unknown id, a site of another kind, a second
   * replacement of one site (names the plugin that has it). */
  patchbay_status (*add_hook)(patchbay_attach* attach, const patchbay_hook* hook,
                              patchbay_error* error);
  /* PATCHBAY_REQUIRE_... */
  patchbay_status (*require)(patchbay_attach* attach, uint32_t requirements, patchbay_error* error);
  /* A set of hooks that is active only in auxiliary runs of the network that ask for it. Positive.
   */
  uint32_t (*add_overlay)(patchbay_attach* attach);
  /* The weight and bias of a linear layer or convolution, as the model computes with them, LoRAs
   * included. `bias` may come back NULL. */
  patchbay_status (*operator_weights)(const patchbay_attach* attach, uint32_t site,
                                      patchbay_tensor* weight, patchbay_tensor* bias,
                                      patchbay_error* error);
  /* What is expensive and depends on the model and on `key` only: made once, shared by all chains
   * of this plugin's build, released after the last. `make` runs now if nothing is kept under
   * `key`. */
  patchbay_status (*shared)(patchbay_attach* attach, const char* key,
                            patchbay_status (*make)(void* data, void** object,
                                                    patchbay_error* error),
                            void* data, void (*destroy)(void* object), void** object,
                            patchbay_error* error);
  /* Draft. The plugin does without this operator's weight: its replace hook, which must hang there
   * already and always give an output, never lets the operator compute. While a job runs with this
   * chain, the host does not keep the weight in memory; it reads it from the model's file again for
   * the next job whose chain needs it. `stand_in` may be NULL. `bytes`: how much memory that frees.
   * operator_weights still gives the weight, read from the file. FAILED_PRECONDITION: no such hook,
   * or the file is not any more what the model was read from. */
  patchbay_status (*release_weights)(patchbay_attach* attach, uint32_t site,
                                     const patchbay_stand_in* stand_in, uint64_t* bytes,
                                     patchbay_error* error);
  /* Draft. The integers that the model's file stores in the place of a weight, as views of the
   * file. NOT_FOUND where it stores floating point, or where LoRAs have been merged into the
   * weight. */
  patchbay_status (*integer_weight)(const patchbay_attach* attach, uint32_t site,
                                    patchbay_integer_weight* weight, patchbay_error* error);
} patchbay_attach_functions;

struct patchbay_attach {
  uint32_t struct_size;
  const patchbay_model_info* model;
  const patchbay_attach_functions* functions;
  void* host; /* the host's own */
  /* Draft. The id of the action that this chain is made for, whose hooks no job calls; NULL: the
   * chain is for jobs. */
  const char* action;
};

#if defined(__cplusplus)
}
#endif

#endif /* PATCHBAY_ABI_ATTACH_H_ */
