#ifndef PATCHBAY_ABI_PLUGIN_H_
#define PATCHBAY_ABI_PLUGIN_H_

#include <stdint.h>

#include "patchbay/abi/action.h"
#include "patchbay/abi/attach.h"
#include "patchbay/abi/schema.h"
#include "patchbay/abi/status.h"
#include "patchbay/abi/tensor.h"
#include "patchbay/abi/version.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* The one symbol that a plugin's library exports, and what hangs on it. */

typedef int32_t patchbay_log_level;

enum { PATCHBAY_LOG_INFO = 0, PATCHBAY_LOG_WARNING = 1, PATCHBAY_LOG_ERROR = 2 };

/* What the host offers everywhere. Lives as long as the library is loaded. [any] */
typedef struct patchbay_host {
  uint32_t struct_size;
  const char* name;    /* "patchbay" */
  const char* version; /* "0.1.0" */
  const patchbay_tensor_functions* tensors;
  void (*log)(const struct patchbay_host* host, patchbay_log_level level, const char* text);
  /* Functions beyond this header, by an id with a revision; NULL where the host has none. */
  const void* (*extension)(const struct patchbay_host* host, const char* id);
} patchbay_host;

typedef int32_t patchbay_phase;

/* Where a plugin wants to be in the chain's order when nothing else decides. */
enum { PATCHBAY_PHASE_EARLY = 0, PATCHBAY_PHASE_NORMAL = 1, PATCHBAY_PHASE_LATE = 2 };

enum {
  /* A chain may have it several times, each with settings of its own. */
  PATCHBAY_PLUGIN_REPEATABLE = 1u << 0
};

/* What a plugin says of itself. The manifest beside the library says the same, and the host refuses
 * a library whose descriptor differs from its manifest. */
typedef struct patchbay_descriptor {
  uint32_t struct_size;
  const char* id; /* "cfg-rescale": lower case letters, digits and "-" */
  const char* title;
  const char* version; /* three numbers, "1.2.0" */
  const char* summary; /* one sentence */
  const char* source;  /* where the technique was published */
  const char* licence; /* an SPDX identifier */
  const patchbay_field* fields;
  uint32_t field_count;
  const patchbay_action* actions;
  uint32_t action_count;
  /* Ids of hooks without which it cannot work; a host that lacks one refuses it by name. */
  const char* const* required_hooks;
  uint32_t required_hook_count;
  /* Ids of plugins that it must come before or after when both are in a chain, and of those that it
   * cannot share one with. */
  const char* const* before;
  uint32_t before_count;
  const char* const* after;
  uint32_t after_count;
  const char* const* conflicts;
  uint32_t conflict_count;
  patchbay_phase phase;
  /* The families of models that it is for; none: any. With a model of another one its chain is
   * refused before attach is called. */
  const patchbay_model_family* families;
  uint32_t family_count;
  uint32_t flags; /* PATCHBAY_PLUGIN_... */
} patchbay_descriptor;

/* A plugin with one set of settings. It must not change while jobs run; what changes lives in the
 * pass state. */
typedef struct patchbay_instance patchbay_instance;

/* The plugin's functions. */
typedef struct patchbay_plugin_functions {
  uint32_t struct_size;
  /* Valid and unchanging while the library is loaded. [any] */
  const patchbay_descriptor* (*descriptor)(void);
  /* Makes an instance. `values` has one valid value for each field that is not at its default; the
   * host has checked types and ranges. INVALID_ARGUMENT: values that do not go together. [control]
   */
  patchbay_status (*create)(const patchbay_host* host, const patchbay_value* values,
                            uint32_t value_count, patchbay_instance** instance,
                            patchbay_error* error);
  /* [control] */
  patchbay_status (*attach)(patchbay_instance* instance, patchbay_attach* attach,
                            patchbay_error* error);
  /* After every chain that it was attached to is gone. [control] */
  void (*destroy)(patchbay_instance* instance);
  /* Runs the action with this id; NULL where there are none. The instance is the action's alone and
   * may change. [a thread of its own] */
  patchbay_status (*run_action)(patchbay_instance* instance, const char* id,
                                patchbay_action_context* context, patchbay_error* error);
} patchbay_plugin_functions;

/* How closely a plugin's build is tied to the host's. */
typedef int32_t patchbay_tier;

enum {
  /* at::Tensor: compiler, C++ library and LibTorch must be exactly the host's. */
  PATCHBAY_TIER_EXACT = 1,
  /* torch::stable::Tensor: any LibTorch from the one that it was built against on. */
  PATCHBAY_TIER_STABLE = 2,
  /* No LibTorch: DLPack only. */
  PATCHBAY_TIER_PLAIN = 3
};

typedef struct patchbay_entry {
  uint32_t magic; /* PATCHBAY_ABI_MAGIC */
  uint32_t struct_size;
  uint32_t abi_major;
  uint32_t abi_minor;
  patchbay_tier tier;
  /* PATCHBAY_TIER_EXACT: what the build was made with, as the SDK's build_fingerprint.h spells it.
   * PATCHBAY_TIER_STABLE: the LibTorch version, "2.11". Else "". */
  const char* fingerprint;
  const patchbay_plugin_functions* functions;
} patchbay_entry;

/* The symbol's name and type: PATCHBAY_EXPORT const patchbay_entry patchbay_plugin; */
#define PATCHBAY_ENTRY_SYMBOL "patchbay_plugin"

#if defined(__cplusplus)
}
#endif

#endif /* PATCHBAY_ABI_PLUGIN_H_ */
