#ifndef PATCHBAY_HOST_PLUGINS_HOOK_ADAPTERS_H_
#define PATCHBAY_HOST_PLUGINS_HOOK_ADAPTERS_H_

#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "host/plugins/hook_target.h"
#include "host/runtime/hooks/sampling_hooks.h"

namespace patchbay {

// Turns what plugins register over the C ABI into the functions that the runtime calls.

// What a kind of hook hangs on.
enum class HookPlace {
  kPass,         // no site
  kAttention,    // sites of this kind
  kModule,       // resnet, transformer, block, stages
  kEncoder,      // encoder stages
  kDecoder,      // decoder stages
  kConvolution,  // downsamplers and their convolutions
  kUpsample,
  kOperator,  // linear layers and convolutions
};

// What hangs on a linear layer or convolution.
struct OperatorHooks {
  std::vector<std::shared_ptr<const HookTarget>> replace;
  std::vector<std::shared_ptr<const HookTarget>> transform;
  std::vector<std::shared_ptr<const HookTarget>> observe;
};

// A chain's hooks while they are being collected.
struct HookCollection {
  ModelHooks hooks;
  SiteHooks<OperatorHooks> operators;
};

// A kind of hook that this host offers.
struct HookKind {
  std::string_view id;
  HookPlace place;
  // Whether one site takes one only.
  bool is_exclusive;
  // Adds the target to the collection. site_count: of the denoiser.
  void (*add)(std::shared_ptr<const HookTarget> target, const HookOwner& owner, SiteIndex site,
              size_t site_count, HookCollection& collection);
};

// All of them.
const std::vector<HookKind>& OfferedHooks();
// Null for an unknown id.
const HookKind* FindHookKind(std::string_view id);
// Whether a hook of this kind can hang on a site of that kind; the message says what could.
absl::Status CheckPlace(const HookKind& kind, const patchbay_site& site);

// The collection as jobs use it.
ModelHooks Finish(HookCollection collection, size_t site_count);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_HOOK_ADAPTERS_H_
