#ifndef PATCHBAY_HOST_PLUGINS_ABI_RULES_H_
#define PATCHBAY_HOST_PLUGINS_ABI_RULES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "patchbay/abi/plugin.h"

namespace patchbay {

struct AbiVersion {
  uint32_t major = PATCHBAY_ABI_MAJOR;
  uint32_t minor = PATCHBAY_ABI_MINOR;

  bool operator==(const AbiVersion&) const = default;
};

// What this host is, as far as plugins can depend on it.
struct HostAbi {
  AbiVersion version;
  std::string fingerprint;  // as build_fingerprint.h of the SDK spells it
  std::string libtorch;     // "2.13.0"
};

// This build's own.
HostAbi ThisHostAbi();

// Whether a plugin of this version, tier and fingerprint can be served; the one place that decides.
// Tiers: exact needs the host's fingerprint letter by letter; stable a LibTorch that is not newer
// than the host's and of its major version; plain nothing. FAILED_PRECONDITION says what to build
// it with.
absl::Status CheckAbi(const AbiVersion& version, patchbay_tier tier, std::string_view fingerprint,
                      const HostAbi& host);

// Whether `entry` is a plugin's entry that CheckAbi accepts, with all that the host will call.
// Looks at nothing beyond the magic number while that is not known to be right.
absl::Status CheckEntry(const patchbay_entry& entry, const HostAbi& host);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_ABI_RULES_H_
