// A plugin that the system cannot unmap: it has registered a destructor for a thread that still
// runs.

#include <string>

#include "patchbay/abi/plugin.h"

namespace {

const patchbay_descriptor* Descriptor() noexcept {
  static const patchbay_descriptor descriptor = [] {
    patchbay_descriptor made{};
    made.struct_size = sizeof(made);
    made.id = "bad-thread-local";
    made.version = "1.0.0";
    made.title = made.summary = made.source = "";
    made.licence = "CC0-1.0";
    made.phase = PATCHBAY_PHASE_NORMAL;
    return made;
  }();
  thread_local std::string last_use;
  last_use = "a text that does not fit into the string object itself";
  return &descriptor;
}

patchbay_status Create(const patchbay_host*, const patchbay_value*, uint32_t, patchbay_instance**,
                       patchbay_error*) noexcept {
  return PATCHBAY_UNIMPLEMENTED;
}
patchbay_status Attach(patchbay_instance*, patchbay_attach*, patchbay_error*) noexcept {
  return PATCHBAY_UNIMPLEMENTED;
}
void Destroy(patchbay_instance*) noexcept {}

constexpr patchbay_plugin_functions kFunctions = {
    sizeof(patchbay_plugin_functions), Descriptor, Create, Attach, Destroy, nullptr};

}  // namespace

PATCHBAY_EXPORT const patchbay_entry patchbay_plugin = {PATCHBAY_ABI_MAGIC,  sizeof(patchbay_entry),
                                                        PATCHBAY_ABI_MAJOR,  PATCHBAY_ABI_MINOR,
                                                        PATCHBAY_TIER_PLAIN, "",
                                                        &kFunctions};
