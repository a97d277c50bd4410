/* A plugin with an action: counts to a number, slowly, and writes down how far it came. */

/* nanosleep */
#define _POSIX_C_SOURCE 199309L

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "patchbay/abi/plugin.h"

struct patchbay_instance {
  double factor;
};

static const patchbay_field kSettings[] = {{.struct_size = sizeof(patchbay_field),
                                            .id = "factor",
                                            .number = 1,
                                            .type = PATCHBAY_FIELD_DOUBLE,
                                            .label = "Factor",
                                            .help = "Stands in the result.",
                                            .group = "",
                                            .minimum = 0.0,
                                            .maximum = 10.0,
                                            .soft_minimum = 0.0,
                                            .soft_maximum = 10.0,
                                            .step = 0.5,
                                            .default_text = "1.0",
                                            .visible_if = ""}};

static const patchbay_field kFields[] = {{.struct_size = sizeof(patchbay_field),
                                          .id = "steps",
                                          .number = 1,
                                          .type = PATCHBAY_FIELD_INT,
                                          .label = "Steps",
                                          .help = "How far to count, 10 ms a step.",
                                          .group = "",
                                          .minimum = 0.0,
                                          .maximum = 10000.0,
                                          .soft_minimum = 0.0,
                                          .soft_maximum = 100.0,
                                          .step = 1.0,
                                          .default_text = "5",
                                          .visible_if = ""},
                                         {.struct_size = sizeof(patchbay_field),
                                          .id = "name",
                                          .number = 2,
                                          .type = PATCHBAY_FIELD_STRING,
                                          .label = "Name",
                                          .help = "Of the result.",
                                          .group = "",
                                          .default_text = "count.txt",
                                          .visible_if = ""}};

static const patchbay_action kActions[] = {{.struct_size = sizeof(patchbay_action),
                                            .id = "count",
                                            .title = "Count",
                                            .help = "Counts.",
                                            .fields = kFields,
                                            .field_count = 2}};

static const patchbay_descriptor kDescriptor = {.struct_size = sizeof(patchbay_descriptor),
                                                .id = "test-action",
                                                .title = "Action",
                                                .version = "1.0.0",
                                                .summary = "Counts.",
                                                .source = "",
                                                .licence = "CC0-1.0",
                                                .fields = kSettings,
                                                .field_count = 1,
                                                .actions = kActions,
                                                .action_count = 1,
                                                .phase = PATCHBAY_PHASE_NORMAL};

static const patchbay_descriptor* Descriptor(void) { return &kDescriptor; }

static patchbay_status Create(const patchbay_host* host, const patchbay_value* values,
                              uint32_t value_count, patchbay_instance** instance,
                              patchbay_error* error) {
  (void)host, (void)error;
  patchbay_instance* made = malloc(sizeof(*made));
  if (made == NULL) return PATCHBAY_RESOURCE_EXHAUSTED;
  made->factor = 1.0;
  for (uint32_t i = 0; i < value_count; ++i) made->factor = values[i].real;
  *instance = made;
  return PATCHBAY_OK;
}

static patchbay_status Attach(patchbay_instance* instance, patchbay_attach* attach,
                              patchbay_error* error) {
  (void)instance, (void)attach, (void)error;
  return PATCHBAY_OK;
}

static void Destroy(patchbay_instance* instance) { free(instance); }

static patchbay_status RunAction(patchbay_instance* instance, const char* id,
                                 patchbay_action_context* context, patchbay_error* error) {
  if (strcmp(id, "count") != 0) return PATCHBAY_NOT_FOUND;
  int64_t steps = 5;
  const char* name = "count.txt";
  for (uint32_t i = 0; i < context->value_count; ++i) {
    if (context->values[i].number == 1) steps = context->values[i].integer;
    if (context->values[i].number == 2) name = context->values[i].text;
  }
  for (int64_t step = 0; step < steps; ++step) {
    if (context->functions->is_cancelled(context)) return PATCHBAY_CANCELLED;
    char text[64];
    snprintf(text, sizeof(text), "counting %d", (int)(step + 1));
    context->functions->progress(context, (double)(step + 1) / (double)steps, text);
    const struct timespec pause = {.tv_nsec = 10000000};
    nanosleep(&pause, NULL);
  }
  patchbay_tensor noise = NULL;
  const int64_t shape[2] = {1, 1};
  if (context->model->functions->noise(context->model, shape, 2, 0, &noise, error) == PATCHBAY_OK) {
    return PATCHBAY_INTERNAL;
  }
  char result[128];
  snprintf(result, sizeof(result), "%d steps, factor %.1f, family %d", (int)steps, instance->factor,
           (int)context->model->info->family);
  return context->functions->artifact(context, name, result, strlen(result), error);
}

static const patchbay_plugin_functions kFunctions = {
    .struct_size = sizeof(patchbay_plugin_functions),
    .descriptor = Descriptor,
    .create = Create,
    .attach = Attach,
    .destroy = Destroy,
    .run_action = RunAction};

PATCHBAY_EXPORT const patchbay_entry patchbay_plugin;
const patchbay_entry patchbay_plugin = {.magic = PATCHBAY_ABI_MAGIC,
                                        .struct_size = sizeof(patchbay_entry),
                                        .abi_major = PATCHBAY_ABI_MAJOR,
                                        .abi_minor = PATCHBAY_ABI_MINOR,
                                        .tier = PATCHBAY_TIER_PLAIN,
                                        .fingerprint = "",
                                        .functions = &kFunctions};
