#include "host/plugins/hook_adapters.h"

#include <algorithm>
#include <initializer_list>
#include <string>

#include "absl/strings/str_cat.h"
#include "host/plugins/hook_kinds.h"
#include "patchbay/abi/hooks.h"

namespace patchbay {

const std::vector<HookKind>& OfferedHooks() {
  static const auto& kinds = *[] {
    auto* const all = new std::vector<HookKind>(SamplingHookKinds());
    for (const HookKind& kind : DenoiserHookKinds()) all->push_back(kind);
    return all;
  }();
  return kinds;
}

const HookKind* FindHookKind(std::string_view id) {
  const auto& kinds = OfferedHooks();
  const auto found = std::find_if(kinds.begin(), kinds.end(),
                                  [id](const HookKind& kind) { return kind.id == id; });
  return found == kinds.end() ? nullptr : &*found;
}

absl::Status CheckPlace(const HookKind& kind, const patchbay_site& site) {
  const patchbay_site_kind given = site.kind;
  const auto is_one_of = [given](std::initializer_list<patchbay_site_kind> kinds) {
    return std::find(kinds.begin(), kinds.end(), given) != kinds.end();
  };
  bool fits = false;
  std::string_view wanted;
  switch (kind.place) {
    case HookPlace::kPass:
      fits = true;
      break;
    case HookPlace::kAttention:
      fits = given == PATCHBAY_SITE_ATTENTION;
      wanted = "attentions";
      // Keys and values of cross-attention are there before its tokens are.
      if (fits && kind.id == PATCHBAY_HOOK_ATTENTION_BEFORE) {
        fits = (site.flags & PATCHBAY_SITE_SELF_ATTENTION) != 0;
        wanted = "self-attentions";
      }
      break;
    case HookPlace::kModule:
      fits = is_one_of({PATCHBAY_SITE_RESNET, PATCHBAY_SITE_TRANSFORMER, PATCHBAY_SITE_BLOCK,
                        PATCHBAY_SITE_ENCODER_STAGE, PATCHBAY_SITE_DECODER_STAGE});
      wanted = "resnets, transformers, blocks and stages";
      break;
    case HookPlace::kEncoder:
      fits = given == PATCHBAY_SITE_ENCODER_STAGE;
      wanted = "encoder stages";
      break;
    case HookPlace::kDecoder:
      fits = given == PATCHBAY_SITE_DECODER_STAGE;
      wanted = "decoder stages";
      break;
    case HookPlace::kConvolution:
      fits = given == PATCHBAY_SITE_DOWNSAMPLE;
      wanted = "downsamplers";
      break;
    case HookPlace::kUpsample:
      fits = given == PATCHBAY_SITE_UPSAMPLE;
      wanted = "upsamplers";
      break;
    case HookPlace::kOperator:
      fits = is_one_of({PATCHBAY_SITE_LINEAR, PATCHBAY_SITE_CONVOLUTION});
      wanted = "linear layers and convolutions";
      break;
  }
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(std::string(kind.id), " hangs on ",
                                                 std::string(wanted), ", and ", site.name,
                                                 " is none of them"));
}

}  // namespace patchbay
