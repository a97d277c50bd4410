#include "host/plugins/abi_rules.h"

#include <charconv>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "patchbay/abi_struct.h"
#include "patchbay/schema_names.h"

namespace patchbay {
namespace {

absl::Status Refused(const std::string& message) { return absl::FailedPreconditionError(message); }

// "2.13" and "2.13.0" as (2, 13).
std::optional<std::pair<int, int>> MajorMinor(std::string_view text) {
  const char* const end = text.data() + text.size();
  std::pair<int, int> version;
  const auto major = std::from_chars(text.data(), end, version.first);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, version.second);
  if (minor.ec != std::errc() || (minor.ptr != end && *minor.ptr != '.')) return std::nullopt;
  return version;
}

absl::Status CheckVersion(const AbiVersion& plugin, const AbiVersion& host) {
  if (plugin.major == host.major && plugin.minor <= host.minor) return absl::OkStatus();
  return Refused(absl::StrCat(
      "the plugin was built for ABI ", plugin.major, ".", plugin.minor, "; this host serves ",
      host.major, ".0 to ", host.major, ".", host.minor, ". ",
      plugin.major < host.major ? "Build the plugin again with this host's SDK."
                                : "Use a newer host, or build the plugin with this host's SDK."));
}

absl::Status CheckStable(std::string_view needed, const std::string& libtorch) {
  const auto plugin = MajorMinor(needed);
  const auto host = MajorMinor(libtorch);
  if (!plugin.has_value() || !host.has_value()) {
    return Refused(absl::StrCat("the plugin's LibTorch version is \"",
                                std::string(needed.substr(0, 60)), "\"; it must read like 2.11"));
  }
  if (plugin->first == host->first && plugin->second <= host->second) return absl::OkStatus();
  return Refused(absl::StrCat("the plugin needs LibTorch ", std::string(needed), " or a later ",
                              plugin->first, ".x; this host has ", libtorch));
}

}  // namespace

absl::Status CheckAbi(const AbiVersion& version, patchbay_tier tier, std::string_view fingerprint,
                      const HostAbi& host) {
  if (absl::Status status = CheckVersion(version, host.version); !status.ok()) return status;
  switch (tier) {
    case PATCHBAY_TIER_EXACT:
      if (fingerprint == host.fingerprint) return absl::OkStatus();
      return Refused(absl::StrCat(
          "the plugin was built with \"", std::string(fingerprint.substr(0, 200)),
          "\", this host with \"", host.fingerprint,
          "\"; the exact tier needs the same. Build it again, or as a plugin of the stable tier."));
    case PATCHBAY_TIER_STABLE:
      return CheckStable(fingerprint, host.libtorch);
    case PATCHBAY_TIER_PLAIN:
      return absl::OkStatus();
    default:
      return Refused(
          absl::StrCat("the plugin's tier is ", tier, ", which this host does not know"));
  }
}

absl::Status CheckEntry(const patchbay_entry& entry, const HostAbi& host) {
  if (entry.magic != PATCHBAY_ABI_MAGIC) {
    return Refused("this is no Patchbay plugin: " PATCHBAY_ENTRY_SYMBOL
                   " does not begin with the magic number");
  }
  if (entry.struct_size < sdk::kSmallestSize<patchbay_entry>) {
    return Refused(absl::StrCat("the entry says that it has ", entry.struct_size,
                                " bytes; it must have at least ",
                                sdk::kSmallestSize<patchbay_entry>));
  }
  // The version first: another major version may have laid out everything else differently.
  if (absl::Status status = CheckVersion({entry.abi_major, entry.abi_minor}, host.version);
      !status.ok()) {
    return status;
  }
  if (entry.fingerprint == nullptr) return Refused("the entry's fingerprint is NULL");
  if (absl::Status status =
          CheckAbi({entry.abi_major, entry.abi_minor}, entry.tier, entry.fingerprint, host);
      !status.ok()) {
    return status;
  }
  const patchbay_plugin_functions* const functions = entry.functions;
  if (functions == nullptr) return Refused("the entry's functions are NULL");
  if (functions->struct_size < sdk::kSmallestSize<patchbay_plugin_functions>) {
    return Refused("the plugin's function table is smaller than this ABI's");
  }
  if (functions->descriptor == nullptr || functions->create == nullptr ||
      functions->attach == nullptr || functions->destroy == nullptr) {
    return Refused("one of descriptor, create, attach and destroy is NULL");
  }
  return absl::OkStatus();
}

}  // namespace patchbay
