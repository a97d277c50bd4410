/* Written for ABI 1.0 and compiled with its headers as they were then
 * (plugin_api/abi/released/1.0). Every host of major version 1 must serve it. Never edit it: a new
 * rule of the ABI is not its rule. */

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "patchbay/abi/hooks.h"
#include "patchbay/abi/plugin.h"
#include "patchbay/dlpack.h"

struct patchbay_instance {
  const patchbay_host* host;
  double factor;
};

static const patchbay_choice kWays[] = {{sizeof(patchbay_choice), "scale", "Scale the difference"},
                                        {sizeof(patchbay_choice), "nothing", "Change nothing"}};

static const patchbay_field kFields[] = {
    {.struct_size = sizeof(patchbay_field),
     .id = "factor",
     .number = 1,
     .type = PATCHBAY_FIELD_DOUBLE,
     .label = "Factor",
     .help = "What remains of the difference that guidance makes.",
     .group = "",
     .unit = PATCHBAY_UNIT_RATIO,
     .minimum = 0.0,
     .maximum = 2.0,
     .soft_minimum = 0.0,
     .soft_maximum = 1.0,
     .step = 0.05,
     .default_text = "0.5",
     .visible_if = "way=scale"},
    {.struct_size = sizeof(patchbay_field),
     .id = "way",
     .number = 2,
     .type = PATCHBAY_FIELD_CHOICE,
     .label = "Way",
     .help = "Whether anything happens.",
     .group = "",
     .flags = PATCHBAY_FIELD_ADVANCED,
     .default_text = "scale",
     .choices = kWays,
     .choice_count = 2,
     .visible_if = ""}};

static const char* const kRequiredHooks[] = {PATCHBAY_HOOK_GUIDANCE};

static const patchbay_descriptor kDescriptor = {
    .struct_size = sizeof(patchbay_descriptor),
    .id = "kept-1-0",
    .title = "Kept from ABI 1.0",
    .version = "1.0.0",
    .summary = "Halves the difference that guidance makes.",
    .source = "",
    .licence = "CC0-1.0",
    .fields = kFields,
    .field_count = 2,
    .required_hooks = kRequiredHooks,
    .required_hook_count = 1,
    .phase = PATCHBAY_PHASE_LATE};

static const patchbay_descriptor* Descriptor(void) { return &kDescriptor; }

static patchbay_status Fail(patchbay_error* error, patchbay_status status, const char* text) {
  strncpy(error->text, text, PATCHBAY_ERROR_TEXT_SIZE - 1);
  error->text[PATCHBAY_ERROR_TEXT_SIZE - 1] = 0;
  return status;
}

static patchbay_status Create(const patchbay_host* host, const patchbay_value* values,
                              uint32_t value_count, patchbay_instance** instance,
                              patchbay_error* error) {
  patchbay_instance* made = malloc(sizeof(*made));
  if (made == NULL) return Fail(error, PATCHBAY_RESOURCE_EXHAUSTED, "out of memory");
  made->host = host;
  made->factor = 0.5;
  int nothing = 0;
  for (uint32_t i = 0; i < value_count; ++i) {
    const patchbay_value* value = PATCHBAY_ELEMENT(patchbay_value, values, i);
    if (value->number == 1) made->factor = value->real;
    if (value->number == 2) nothing = strcmp(value->text, "nothing") == 0;
  }
  if (nothing) made->factor = 1.0;
  *instance = made;
  return PATCHBAY_OK;
}

static void Destroy(patchbay_instance* instance) { free(instance); }

/* ---- conditional + factor * (guided - conditional), fp32 ---- */

static int64_t Elements(const DLTensor* tensor) {
  int64_t count = 1;
  for (int32_t i = 0; i < tensor->ndim; ++i) count *= tensor->shape[i];
  return count;
}

static int IsPlain(const DLTensor* tensor) {
  if (tensor->device.device_type != kDLCPU || tensor->dtype.code != kDLFloat ||
      tensor->dtype.bits != 32) {
    return 0;
  }
  int64_t expected = 1;
  for (int32_t i = tensor->ndim - 1; i >= 0; --i) {
    if (tensor->strides != NULL && tensor->shape[i] != 1 && tensor->strides[i] != expected)
      return 0;
    expected *= tensor->shape[i];
  }
  return 1;
}

static void FreeResult(DLManagedTensor* managed) {
  free(managed->dl_tensor.data);
  free(managed->dl_tensor.shape);
  free(managed);
}

static DLManagedTensor* NewLike(const DLTensor* model) {
  DLManagedTensor* managed = calloc(1, sizeof(*managed));
  if (managed == NULL) return NULL;
  managed->deleter = FreeResult;
  managed->dl_tensor = *model;
  managed->dl_tensor.byte_offset = 0;
  managed->dl_tensor.strides = NULL;
  managed->dl_tensor.data = malloc(sizeof(float) * (size_t)Elements(model));
  managed->dl_tensor.shape = malloc(sizeof(int64_t) * (size_t)model->ndim);
  if (managed->dl_tensor.data == NULL || managed->dl_tensor.shape == NULL) {
    FreeResult(managed);
    return NULL;
  }
  memcpy(managed->dl_tensor.shape, model->shape, sizeof(int64_t) * (size_t)model->ndim);
  return managed;
}

static const float* Data(const DLTensor* tensor) {
  return (const float*)((const char*)tensor->data + tensor->byte_offset);
}

static patchbay_status Blend(const patchbay_instance* self, const DLTensor* conditional,
                             const DLTensor* guided, patchbay_tensor* result,
                             patchbay_error* error) {
  if (!IsPlain(conditional) || !IsPlain(guided) || Elements(conditional) != Elements(guided)) {
    return Fail(error, PATCHBAY_UNIMPLEMENTED, "needs contiguous fp32 predictions on the CPU");
  }
  DLManagedTensor* made = NewLike(guided);
  if (made == NULL) return Fail(error, PATCHBAY_RESOURCE_EXHAUSTED, "out of memory");
  const float factor = (float)self->factor;
  float* out = made->dl_tensor.data;
  const int64_t count = Elements(guided);
  for (int64_t i = 0; i < count; ++i) {
    const float base = Data(conditional)[i];
    out[i] = base + factor * (Data(guided)[i] - base);
  }
  return self->host->tensors->from_dlpack(made, result, error);
}

static patchbay_status Guide(void* data, const patchbay_call* call,
                             const patchbay_prediction_set* predictions, patchbay_tensor* guided) {
  const patchbay_instance* self = data;
  const patchbay_tensor_functions* tensors = self->host->tensors;
  DLManagedTensor* conditional = NULL;
  DLManagedTensor* before = NULL;
  patchbay_status status = tensors->to_dlpack(predictions->conditional, &conditional, call->error);
  if (status != PATCHBAY_OK) return status;
  status = tensors->to_dlpack(predictions->guided, &before, call->error);
  if (status == PATCHBAY_OK) {
    status = Blend(self, &conditional->dl_tensor, &before->dl_tensor, guided, call->error);
    before->deleter(before);
  }
  conditional->deleter(conditional);
  return status;
}

static patchbay_status Attach(patchbay_instance* instance, patchbay_attach* attach,
                              patchbay_error* error) {
  const patchbay_hook hook = {.struct_size = sizeof(patchbay_hook),
                              .id = PATCHBAY_HOOK_GUIDANCE,
                              .function = (patchbay_function)Guide,
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
