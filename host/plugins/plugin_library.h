#ifndef PATCHBAY_HOST_PLUGINS_PLUGIN_LIBRARY_H_
#define PATCHBAY_HOST_PLUGINS_PLUGIN_LIBRARY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "host/plugins/abi_rules.h"
#include "host/plugins/manifest.h"
#include "host/plugins/plugin_store.h"

namespace patchbay {

// One build of a plugin, mapped into the process and found to be what its manifest says.
//
// Whoever uses a function of the plugin or what it made holds this object. When it is destroyed
// without Unload(), the library stays mapped for good, since nobody can know what still points into
// it; that costs some kilobytes and never a crash. Control thread only, except for the accessors.
class PluginLibrary {
 public:
  enum class UnloadResult {
    // Gone from the process.
    kUnmapped,
    // The system kept it: something else has it open, or it registered a destructor for its
    // thread_local variables.
    kStillMapped,
    // Not tried: in sanitizer builds a report could no longer name the library's code.
    kNotTried,
  };

  // Maps an installed build. `installed` should have been probed (plugin_probe.h): a library that
  // crashes while it is loaded takes this process with it. DATA_LOSS: the file is no longer what
  // was installed. FAILED_PRECONDITION: what the loader says is missing; another ABI, tier or build
  // (CheckEntry); a library that differs from its manifest. After an error it is not mapped any
  // more.
  static absl::StatusOr<std::unique_ptr<PluginLibrary>> Load(const InstalledPlugin& installed,
                                                             const HostAbi& host);

  PluginLibrary(const PluginLibrary&) = delete;
  PluginLibrary& operator=(const PluginLibrary&) = delete;
  ~PluginLibrary();

  const PluginManifest& manifest() const { return installed_.manifest; }
  const PluginDescription& description() const { return installed_.manifest.description; }
  const std::string& path() const { return installed_.library_path; }
  const patchbay_plugin_functions& functions() const { return *functions_; }

  // Unmaps the library and looks whether it is gone. Every instance and every tensor that it made
  // must be gone already.
  static UnloadResult Unload(std::unique_ptr<PluginLibrary> library);

 private:
  class Handle;
  PluginLibrary(InstalledPlugin installed, std::unique_ptr<Handle> handle,
                const patchbay_plugin_functions* functions);

  InstalledPlugin installed_;
  std::unique_ptr<Handle> handle_;
  const patchbay_plugin_functions* functions_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_PLUGIN_LIBRARY_H_
