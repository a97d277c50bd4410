#ifndef PATCHBAY_HOST_PLUGINS_MANIFEST_H_
#define PATCHBAY_HOST_PLUGINS_MANIFEST_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/plugins/abi_rules.h"
#include "host/plugins/plugin_description.h"

namespace patchbay {

// A plugin's plugin.json: all that the host knows of a library before it runs any of its code. The
// build writes it (plugin_api/manifest).
struct PluginManifest {
  PluginDescription description;
  AbiVersion abi;
  patchbay_tier tier = PATCHBAY_TIER_PLAIN;
  std::string fingerprint;
  // The library's file name, in the same folder.
  std::string library;
  // Its SHA-256: 64 lower-case hexadecimal digits. The name of this build.
  std::string sha256;
};

inline constexpr char kManifestFileName[] = "plugin.json";
inline constexpr size_t kMaxManifestBytes = size_t{1} << 20;

// Strict: INVALID_ARGUMENT for text that is not JSON, a missing, unknown or doubled key, a value of
// the wrong type or beyond its limits, a library outside of the folder, a description that
// CheckDescription refuses. `name` is what errors call the text.
absl::StatusOr<PluginManifest> ParseManifest(std::string_view text, const std::string& name);

// From a file of at most kMaxManifestBytes.
absl::StatusOr<PluginManifest> ReadManifest(const std::string& path);

// Whether a library is what its manifest says: `loaded` holds what the library itself says, and
// nothing is compared that only the manifest knows (library, sha256). FAILED_PRECONDITION names the
// first difference.
absl::Status CheckSameAsManifest(const PluginManifest& manifest, const PluginManifest& loaded);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_MANIFEST_H_
