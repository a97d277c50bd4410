/* Writes the size of each step's prediction to the host's log: a quick look at whether a sampler, a
 * model and its settings go together.
 *
 * The plain tier: C, no LibTorch; tensors come as DLPack. One build serves with every LibTorch. */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patchbay/abi/hooks.h"
#include "patchbay/abi/plugin.h"
#include "patchbay/dlpack.h"

enum { FIELD_EVERY = 1 };

/* One set of settings. */
struct patchbay_instance {
  const patchbay_host* host;
  int64_t every;
};

static const patchbay_field kFields[] = {{.struct_size = sizeof(patchbay_field),
                                          .id = "every",
                                          .number = FIELD_EVERY,
                                          .type = PATCHBAY_FIELD_INT,
                                          .label = "Every",
                                          .help = "Every how many steps a line is written.",
                                          .group = "",
                                          .unit = PATCHBAY_UNIT_STEP,
                                          .minimum = 1,
                                          .maximum = 1000,
                                          .soft_minimum = 1,
                                          .soft_maximum = 20,
                                          .step = 1,
                                          .default_text = "1",
                                          .visible_if = ""}};

static const char* const kRequiredHooks[] = {PATCHBAY_HOOK_AFTER_STEP};

static const patchbay_descriptor kDescriptor = {
    .struct_size = sizeof(patchbay_descriptor),
    .id = "prediction-norm",
    .title = "Prediction norm",
    .version = "1.0.0",
    .summary = "Writes the size of each step's prediction to the log.",
    .source = "",
    .licence = "MIT",
    .fields = kFields,
    .field_count = 1,
    .required_hooks = kRequiredHooks,
    .required_hook_count = 1,
    .phase = PATCHBAY_PHASE_LATE};

static const patchbay_descriptor* Descriptor(void) { return &kDescriptor; }

/* Says why; the host shows it to whoever asked for a picture. */
static patchbay_status Fail(patchbay_error* error, patchbay_status status, const char* text) {
  snprintf(error->text, PATCHBAY_ERROR_TEXT_SIZE, "%s", text);
  return status;
}

/* Only settings that are not at their defaults come here; their types and ranges are right. */
static patchbay_status Create(const patchbay_host* host, const patchbay_value* values,
                              uint32_t value_count, patchbay_instance** instance,
                              patchbay_error* error) {
  patchbay_instance* made = malloc(sizeof(*made));
  if (made == NULL) return Fail(error, PATCHBAY_RESOURCE_EXHAUSTED, "out of memory");
  made->host = host;
  made->every = 1;
  for (uint32_t i = 0; i < value_count; ++i) {
    const patchbay_value* value = PATCHBAY_ELEMENT(patchbay_value, values, i);
    if (value->number == FIELD_EVERY && value->integer >= 1) made->every = value->integer;
  }
  *instance = made;
  return PATCHBAY_OK;
}

static void Destroy(patchbay_instance* instance) { free(instance); }

/* The root of the mean square over all elements. `strides` may be NULL: then they are dense. */
static double RootMeanSquare(const DLTensor* tensor) {
  const float* data = (const float*)((const char*)tensor->data + tensor->byte_offset);
  int64_t count = 1;
  for (int32_t i = 0; i < tensor->ndim; ++i) count *= tensor->shape[i];
  double sum = 0;
  for (int64_t n = 0; n < count; ++n) {
    int64_t rest = n;
    int64_t offset = 0;
    int64_t dense = 1;
    for (int32_t i = tensor->ndim - 1; i >= 0; --i) {
      const int64_t place = rest % tensor->shape[i];
      offset += place * (tensor->strides != NULL ? tensor->strides[i] : dense);
      dense *= tensor->shape[i];
      rest /= tensor->shape[i];
    }
    sum += (double)data[offset] * data[offset];
  }
  return count > 0 ? sqrt(sum / (double)count) : 0.0;
}

/* PATCHBAY_HOOK_AFTER_STEP. Changes nothing: `edited` and `next` stay as they are. */
static patchbay_status AfterStep(void* data, const patchbay_call* call, patchbay_tensor latent,
                                 const patchbay_prediction_set* last, patchbay_tensor* edited,
                                 patchbay_next_step* next) {
  (void)latent, (void)edited, (void)next;
  const patchbay_instance* self = data;
  const patchbay_step* step = call->step;
  if (step->index % self->every != 0) return PATCHBAY_OK;

  DLManagedTensor* view = NULL;
  const patchbay_status status = self->host->tensors->to_dlpack(last->guided, &view, call->error);
  if (status != PATCHBAY_OK) return status;
  const DLTensor* tensor = &view->dl_tensor;
  if (tensor->device.device_type != kDLCPU || tensor->dtype.code != kDLFloat ||
      tensor->dtype.bits != 32) {
    view->deleter(view);
    return Fail(call->error, PATCHBAY_UNIMPLEMENTED,
                "prediction-norm reads fp32 in the processor's memory only");
  }
  char line[160];
  snprintf(line, sizeof(line), "step %" PRId32 " of %" PRId32 ": sigma %.4g, prediction %.4g",
           step->index + 1, step->step_count, last->sigma, RootMeanSquare(tensor));
  view->deleter(view);
  self->host->log(self->host, PATCHBAY_LOG_INFO, line);
  return PATCHBAY_OK;
}

/* Hangs the hook on the model. */
static patchbay_status Attach(patchbay_instance* instance, patchbay_attach* attach,
                              patchbay_error* error) {
  const patchbay_hook hook = {.struct_size = sizeof(patchbay_hook),
                              .id = PATCHBAY_HOOK_AFTER_STEP,
                              .function = (patchbay_function)AfterStep,
                              .data = instance};
  return attach->functions->add_hook(attach, &hook, error);
}

static const patchbay_plugin_functions kFunctions = {
    .struct_size = sizeof(patchbay_plugin_functions),
    .descriptor = Descriptor,
    .create = Create,
    .attach = Attach,
    .destroy = Destroy};

PATCHBAY_EXPORT const patchbay_entry patchbay_plugin;
const patchbay_entry patchbay_plugin = {.magic = PATCHBAY_ABI_MAGIC,
                                        .struct_size = sizeof(patchbay_entry),
                                        .abi_major = PATCHBAY_ABI_MAJOR,
                                        .abi_minor = PATCHBAY_ABI_MINOR,
                                        .tier = PATCHBAY_TIER_PLAIN,
                                        .fingerprint = "",
                                        .functions = &kFunctions};
