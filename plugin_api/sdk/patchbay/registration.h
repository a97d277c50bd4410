#ifndef PATCHBAY_SDK_REGISTRATION_H_
#define PATCHBAY_SDK_REGISTRATION_H_

#include <memory>
#include <utility>

#include "patchbay/abi/attach.h"
#include "patchbay/error.h"

namespace patchbay::sdk {

// Registers `function`, a copy of which the host keeps until the chain ends. Trampoline::call is
// the C function that the hook's id asks for; it finds the copy in its first argument.
template <template <class> class Trampoline, class Function>
void add_hook(patchbay_attach* attach, const char* id, uint32_t site, uint32_t overlay,
              Function function) {
  auto owned = std::make_unique<Function>(std::move(function));
  patchbay_hook hook{};
  hook.struct_size = sizeof(hook);
  hook.id = id;
  hook.site = site;
  hook.overlay = overlay;
  hook.function = reinterpret_cast<patchbay_function>(&Trampoline<Function>::call);
  hook.data = owned.get();
  hook.release = [](void* data) { delete static_cast<Function*>(data); };
  HostCall call;
  // The host takes the copy over, also when it refuses.
  owned.release();
  call.check(attach->functions->add_hook(attach, &hook, call.error()));
}

}  // namespace patchbay::sdk

#endif  // PATCHBAY_SDK_REGISTRATION_H_
