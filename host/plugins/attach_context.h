#ifndef PATCHBAY_HOST_PLUGINS_ATTACH_CONTEXT_H_
#define PATCHBAY_HOST_PLUGINS_ATTACH_CONTEXT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "host/plugins/chain.h"
#include "host/plugins/hook_adapters.h"
#include "host/plugins/shared_objects.h"
#include "host/runtime/nn/site.h"
#include "patchbay/abi/attach.h"

namespace patchbay {

// What a chain's plugins are attached to, and what they hang on it: the host's side of
// patchbay_attach. Made for one chain; control thread.
class AttachContext {
 public:
  // Both must outlive the object; `described` also the chain.
  AttachContext(const ChainEnvironment& environment, const std::vector<patchbay_site>& described);

  // The struct to hand to this plugin's attach function; valid until the next call.
  patchbay_attach& For(std::shared_ptr<const HookOwner> owner);

  // What has been hung so far; the context is then empty.
  ModelHooks TakeHooks();
  // What the plugins share with other chains and must live as long as this one.
  std::vector<std::shared_ptr<void>> TakeSharedObjects() { return std::move(kept_); }

  // Operators whose weights the plugins do without.
  const std::set<SiteIndex>& released() const { return released_; }
  // Bytes that the plugins keep in the place of weights, by their type.
  const std::map<std::string, uint64_t>& stand_ins() const { return stand_ins_; }

  // What one plugin has hung, and where.
  struct HookedPlaces {
    std::set<uint32_t> sites;
    std::set<std::string> hooks;
  };
  // In the order of the calls of For().
  const std::vector<HookedPlaces>& places() const { return places_; }

 private:
  struct Functions;
  absl::Status AddHook(const patchbay_hook& hook);
  absl::StatusOr<OperatorWeights> WeightsAt(uint32_t site) const;
  absl::StatusOr<uint64_t> ReleaseWeights(uint32_t site, const patchbay_stand_in* stand_in);
  absl::Status GiveIntegers(uint32_t site, patchbay_integer_weight& weight) const;

  const ChainEnvironment& environment_;
  const SiteTable& sites_;
  const std::vector<patchbay_site>& described_;
  SharedObjects& shared_;
  patchbay_attach attach_{};
  std::shared_ptr<const HookOwner> owner_;
  HookCollection collection_;
  std::vector<HookedPlaces> places_;
  // Which plugin has what only one may have: hook, site, overlay.
  std::map<std::tuple<std::string, uint32_t, uint32_t>, std::string> exclusive_;
  uint32_t overlays_ = 0;
  std::set<SiteIndex> released_;
  std::map<std::string, uint64_t> stand_ins_;
  std::vector<std::shared_ptr<void>> kept_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_ATTACH_CONTEXT_H_
