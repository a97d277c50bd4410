/* Plugins that a host must refuse; PATCHBAY_BAD_... says in which way. Otherwise as the plain one.
 */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "patchbay/abi/plugin.h"

#ifndef PATCHBAY_BAD_ID
#error "PATCHBAY_BAD_ID is what the plugin calls itself."
#endif
#ifndef PATCHBAY_BAD_MAGIC
#define PATCHBAY_BAD_MAGIC PATCHBAY_ABI_MAGIC
#endif
#ifndef PATCHBAY_BAD_MINOR
#define PATCHBAY_BAD_MINOR PATCHBAY_ABI_MINOR
#endif
#ifndef PATCHBAY_BAD_FINGERPRINT
#define PATCHBAY_BAD_FINGERPRINT ""
#endif
#ifndef PATCHBAY_BAD_TIER
#define PATCHBAY_BAD_TIER PATCHBAY_TIER_PLAIN
#endif
#ifndef PATCHBAY_BAD_VERSION
#define PATCHBAY_BAD_VERSION "1.0.0"
#endif

static const patchbay_descriptor kDescriptor = {.struct_size = sizeof(patchbay_descriptor),
                                                .id = PATCHBAY_BAD_ID,
                                                .title = "Bad",
                                                .version = PATCHBAY_BAD_VERSION,
                                                .summary = "",
                                                .source = "",
                                                .licence = "CC0-1.0",
                                                .phase = PATCHBAY_PHASE_NORMAL};

static const patchbay_descriptor* Descriptor(void) {
#if defined(PATCHBAY_BAD_NO_DESCRIPTOR)
  return NULL;
#else
  return &kDescriptor;
#endif
}

static patchbay_status Create(const patchbay_host* host, const patchbay_value* values,
                              uint32_t value_count, patchbay_instance** instance,
                              patchbay_error* error) {
  (void)host, (void)values, (void)value_count, (void)instance, (void)error;
  return PATCHBAY_UNIMPLEMENTED;
}
static patchbay_status Attach(patchbay_instance* instance, patchbay_attach* attach,
                              patchbay_error* error) {
  (void)instance, (void)attach, (void)error;
  return PATCHBAY_UNIMPLEMENTED;
}
static void Destroy(patchbay_instance* instance) { (void)instance; }

#if defined(PATCHBAY_BAD_CRASHES) || defined(PATCHBAY_BAD_HANGS) || defined(PATCHBAY_BAD_EXITS)
__attribute__((constructor)) static void Misbehave(void) {
#if defined(PATCHBAY_BAD_CRASHES)
  fputs("about to crash\n", stderr);
  abort();
#elif defined(PATCHBAY_BAD_HANGS)
  for (;;) pause();
#else
  _exit(0);
#endif
}
#endif

static const patchbay_plugin_functions kFunctions = {
    .struct_size = sizeof(patchbay_plugin_functions),
    .descriptor = Descriptor,
    .create = Create,
    .attach = Attach,
    .destroy = Destroy};

#if defined(PATCHBAY_BAD_NO_SYMBOL)
/* Kept out of sight by the version script. */
extern const patchbay_entry not_the_plugin;
const patchbay_entry not_the_plugin = {
#else
PATCHBAY_EXPORT const patchbay_entry patchbay_plugin;
const patchbay_entry patchbay_plugin = {
#endif
    .magic = PATCHBAY_BAD_MAGIC,
    .struct_size = sizeof(patchbay_entry),
    .abi_major = PATCHBAY_ABI_MAJOR,
    .abi_minor = PATCHBAY_BAD_MINOR,
    .tier = PATCHBAY_BAD_TIER,
    .fingerprint = PATCHBAY_BAD_FINGERPRINT,
    .functions = &kFunctions};
