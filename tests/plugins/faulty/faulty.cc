// Plugins that a host may load and that then misbehave, each in one way; FAULT_... says in which.
// The validator must find each of them.

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "patchbay/abi/hooks.h"
#include "patchbay/abi/plugin.h"
#include "patchbay/dlpack.h"

namespace {

struct Instance {
  const patchbay_host* host;
};

const patchbay_descriptor* Descriptor() noexcept {
  static const patchbay_descriptor descriptor = [] {
    patchbay_descriptor made{};
    made.struct_size = sizeof(made);
    made.id = FAULT_ID;
    made.title = "Faulty";
    made.version = "1.0.0";
    made.summary = "Misbehaves.";
    made.source = "";
    made.licence = "CC0-1.0";
    made.phase = PATCHBAY_PHASE_NORMAL;
    return made;
  }();
  return &descriptor;
}

patchbay_status Create(const patchbay_host* host, const patchbay_value*, uint32_t,
                       patchbay_instance** instance, patchbay_error*) {
#if defined(FAULT_LEAKS)
  // Volatile, so that no compiler removes it.
  volatile char* const lost = static_cast<char*>(std::malloc(4096));
  if (lost != nullptr) lost[0] = 1;
#endif
  *instance = reinterpret_cast<patchbay_instance*>(new Instance{host});
  return PATCHBAY_OK;
}

void Destroy(patchbay_instance* instance) { delete reinterpret_cast<Instance*>(instance); }

[[maybe_unused]] float* Data(const DLManagedTensor* view) {
  return reinterpret_cast<float*>(static_cast<char*>(view->dl_tensor.data) +
                                  view->dl_tensor.byte_offset);
}

patchbay_status Guide(void* data, const patchbay_call* call,
                      const patchbay_prediction_set* predictions, patchbay_tensor* guided) {
  [[maybe_unused]] const Instance& self = *static_cast<Instance*>(data);
  static_cast<void>(call);
  static_cast<void>(predictions);
  static_cast<void>(guided);
#if defined(FAULT_THROWS)
  throw std::runtime_error("nobody catches this");
#elif defined(FAULT_CRASHES)
  volatile int* const nothing = nullptr;
  *nothing = 1;
#elif defined(FAULT_HANGS)
  for (;;) pause();
#elif defined(FAULT_STARTS_THREADS)
  std::thread([] {
    for (;;) pause();
  }).detach();
#elif defined(FAULT_WRITES_OUTSIDE) || defined(FAULT_CHANGES_INPUTS)
  DLManagedTensor* view = nullptr;
  const patchbay_status status =
      self.host->tensors->to_dlpack(predictions->guided, &view, call->error);
  if (status != PATCHBAY_OK) return status;
  int64_t count = 1;
  for (int32_t i = 0; i < view->dl_tensor.ndim; ++i) count *= view->dl_tensor.shape[i];
#if defined(FAULT_WRITES_OUTSIDE)
  Data(view)[count + 2] = 1.0f;
#else
  Data(view)[count / 2] += 1.0f;
#endif
  view->deleter(view);
#elif defined(FAULT_REMEMBERS)
  // A counter for the whole process decides what a job gives.
  static int calls = 0;
  if (++calls % 5 == 0) return self.host->tensors->duplicate(predictions->conditional, guided);
#endif
  return PATCHBAY_OK;
}

patchbay_status Attach(patchbay_instance* instance, patchbay_attach* attach,
                       patchbay_error* error) {
  patchbay_hook hook{};
  hook.struct_size = sizeof(hook);
  hook.id = PATCHBAY_HOOK_GUIDANCE;
  hook.function = reinterpret_cast<patchbay_function>(&Guide);
  hook.data = instance;
  const patchbay_status status = attach->functions->add_hook(attach, &hook, error);
#if defined(FAULT_IGNORES_REFUSALS)
  static_cast<void>(status);
  return PATCHBAY_OK;
#else
  return status;
#endif
}

constexpr patchbay_plugin_functions kFunctions = {
    sizeof(patchbay_plugin_functions), Descriptor, Create, Attach, Destroy, nullptr};

}  // namespace

PATCHBAY_EXPORT const patchbay_entry patchbay_plugin = {PATCHBAY_ABI_MAGIC,  sizeof(patchbay_entry),
                                                        PATCHBAY_ABI_MAJOR,  PATCHBAY_ABI_MINOR,
                                                        PATCHBAY_TIER_PLAIN, "",
                                                        &kFunctions};
