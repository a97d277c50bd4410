#include "host/validator/refusing_attach.h"

#include <cstdio>

namespace patchbay {

// The C functions; `host` of the patchbay_attach is the object.
struct RefusingAttach::Functions {
  static RefusingAttach& Of(const patchbay_attach* attach) {
    return *static_cast<RefusingAttach*>(attach->host);
  }
  static bool Refuses(const patchbay_attach* attach, patchbay_error* error) {
    RefusingAttach& self = Of(attach);
    if (self.allowed_-- > 0) return false;
    ++self.refused_;
    if (error != nullptr) {
      std::snprintf(error->text, sizeof(error->text), "the validator refuses this on purpose");
    }
    return true;
  }

  static uint32_t SiteCount(const patchbay_attach* attach) {
    patchbay_attach& real = Of(attach).real_;
    return real.functions->site_count(&real);
  }
  static const patchbay_site* SiteAt(const patchbay_attach* attach, uint32_t index) {
    patchbay_attach& real = Of(attach).real_;
    return real.functions->site(&real, index);
  }
  static patchbay_status FindSite(const patchbay_attach* attach, const char* name,
                                  const patchbay_site** site, patchbay_error* error) {
    if (Refuses(attach, error)) return PATCHBAY_NOT_FOUND;
    patchbay_attach& real = Of(attach).real_;
    return real.functions->find_site(&real, name, site, error);
  }
  static patchbay_status AddHook(patchbay_attach* attach, const patchbay_hook* hook,
                                 patchbay_error* error) {
    if (Refuses(attach, error)) {
      if (hook->release != nullptr) hook->release(hook->data);
      return PATCHBAY_INVALID_ARGUMENT;
    }
    patchbay_attach& real = Of(attach).real_;
    return real.functions->add_hook(&real, hook, error);
  }
  static patchbay_status Require(patchbay_attach* attach, uint32_t requirements,
                                 patchbay_error* error) {
    if (Refuses(attach, error)) return PATCHBAY_UNIMPLEMENTED;
    patchbay_attach& real = Of(attach).real_;
    return real.functions->require(&real, requirements, error);
  }
  static uint32_t AddOverlay(patchbay_attach* attach) {
    patchbay_attach& real = Of(attach).real_;
    return real.functions->add_overlay(&real);
  }
  static patchbay_status OperatorWeights(const patchbay_attach* attach, uint32_t site,
                                         patchbay_tensor* weight, patchbay_tensor* bias,
                                         patchbay_error* error) {
    if (Refuses(attach, error)) return PATCHBAY_INVALID_ARGUMENT;
    patchbay_attach& real = Of(attach).real_;
    return real.functions->operator_weights(&real, site, weight, bias, error);
  }
  static patchbay_status Shared(patchbay_attach* attach, const char* key,
                                patchbay_status (*make)(void*, void**, patchbay_error*), void* data,
                                void (*destroy)(void*), void** object, patchbay_error* error) {
    if (Refuses(attach, error)) return PATCHBAY_RESOURCE_EXHAUSTED;
    patchbay_attach& real = Of(attach).real_;
    return real.functions->shared(&real, key, make, data, destroy, object, error);
  }

  static patchbay_status ReleaseWeights(patchbay_attach* attach, uint32_t site,
                                        const patchbay_stand_in* stand_in, uint64_t* bytes,
                                        patchbay_error* error) {
    if (Refuses(attach, error)) return PATCHBAY_FAILED_PRECONDITION;
    patchbay_attach& real = Of(attach).real_;
    return real.functions->release_weights(&real, site, stand_in, bytes, error);
  }

  static patchbay_status IntegerWeightOf(const patchbay_attach* attach, uint32_t site,
                                         patchbay_integer_weight* weight, patchbay_error* error) {
    if (Refuses(attach, error)) return PATCHBAY_RESOURCE_EXHAUSTED;
    const patchbay_attach& real = Of(attach).real_;
    return real.functions->integer_weight(&real, site, weight, error);
  }

  static constexpr patchbay_attach_functions kTable = {
      .struct_size = sizeof(patchbay_attach_functions),
      .site_count = &SiteCount,
      .site = &SiteAt,
      .find_site = &FindSite,
      .add_hook = &AddHook,
      .require = &Require,
      .add_overlay = &AddOverlay,
      .operator_weights = &OperatorWeights,
      .shared = &Shared,
      .release_weights = &ReleaseWeights,
      .integer_weight = &IntegerWeightOf,
  };
};

RefusingAttach::RefusingAttach(patchbay_attach& real, int64_t allowed)
    : real_(real),
      attach_{.struct_size = sizeof(patchbay_attach),
              .model = real.model,
              .functions = &Functions::kTable,
              .host = this,
              .action = real.action},
      allowed_(allowed) {}

}  // namespace patchbay
