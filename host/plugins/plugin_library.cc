#include "host/plugins/plugin_library.h"

#include <dlfcn.h>

#include <boost/dll/shared_library.hpp>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/sha256.h"
#include "host/base/status_macros.h"
#include "host/plugins/descriptor_reader.h"
#include "host/plugins/mapped_library.h"

namespace patchbay {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMayUnload = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kMayUnload = false;
#else
constexpr bool kMayUnload = true;
#endif
#else
constexpr bool kMayUnload = true;
#endif

absl::Status Refused(const InstalledPlugin& plugin, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat("plugin \"", plugin.manifest.description.id, "\" (",
                                   plugin.manifest.library, "): ", status.message()));
}

absl::Status CheckUnchanged(const InstalledPlugin& plugin) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::string digest, Sha256OfFile(plugin.library_path));
  if (digest == plugin.manifest.sha256) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the library is damaged: its SHA-256 is ", digest,
                                          ", its manifest says ", plugin.manifest.sha256,
                                          ". Install it again."));
}

// "boost::dll::shared_library::load() failed (dlerror system message: REASON): CODE" is for nobody.
std::string LoaderReason(std::string_view message) {
  constexpr std::string_view kBegin = "dlerror system message: ";
  const size_t begin = message.find(kBegin);
  if (begin == std::string_view::npos) return std::string(message);
  message.remove_prefix(begin + kBegin.size());
  return std::string(message.substr(0, message.rfind(')')));
}

}  // namespace

class PluginLibrary::Handle {
 public:
  explicit Handle(std::string path) : path_(std::move(path)) {}

  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    // Boost.DLL closes in its destructor; a pinned library stays.
    if (library_.is_loaded()) Pin();
  }

  absl::Status Open() {
    namespace dll = boost::dll;
    try {
      library_.load(path_, dll::load_mode::rtld_now | dll::load_mode::rtld_local);
    } catch (const std::exception& error) {
      return absl::FailedPreconditionError(
          absl::StrCat("the loader refuses it: ", LoaderReason(error.what())));
    }
    return absl::OkStatus();
  }

  // Looks at it only after it is known to be this file's.
  absl::StatusOr<const patchbay_entry*> Entry() const {
    if (!library_.has(PATCHBAY_ENTRY_SYMBOL)) {
      return absl::FailedPreconditionError(
          "this is no Patchbay plugin: it exports no " PATCHBAY_ENTRY_SYMBOL);
    }
    const auto* const entry = &library_.get<const patchbay_entry>(PATCHBAY_ENTRY_SYMBOL);
    PATCHBAY_RETURN_IF_ERROR(CheckMappedFrom(path_, entry));
    return entry;
  }

  UnloadResult Close() {
    if (!kMayUnload) Pin();
    library_.unload();
    if (!kMayUnload) return UnloadResult::kNotTried;
    return IsMapped(path_) ? UnloadResult::kStillMapped : UnloadResult::kUnmapped;
  }

 private:
  void Pin() const {
    void* const handle = dlopen(path_.c_str(), RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
    if (handle != nullptr) dlclose(handle);
  }

  std::string path_;
  boost::dll::shared_library library_;
};

namespace {

absl::Status CheckDescriptor(const patchbay_entry& entry, const PluginManifest& manifest) {
  const patchbay_descriptor* const descriptor = entry.functions->descriptor();
  if (descriptor == nullptr) {
    return absl::FailedPreconditionError(
        "the plugin could not describe itself: its descriptor function gave NULL");
  }
  PluginManifest loaded;
  PATCHBAY_ASSIGN_OR_RETURN(loaded.description, ReadDescriptor(*descriptor));
  loaded.abi = {entry.abi_major, entry.abi_minor};
  loaded.tier = entry.tier;
  loaded.fingerprint = entry.fingerprint;
  return CheckSameAsManifest(manifest, loaded);
}

absl::Status CheckLoaded(const patchbay_entry& entry, const PluginManifest& manifest,
                         const HostAbi& host) {
  PATCHBAY_RETURN_IF_ERROR(CheckEntry(entry, host));
  return CheckDescriptor(entry, manifest);
}

}  // namespace

PluginLibrary::PluginLibrary(InstalledPlugin installed, std::unique_ptr<Handle> handle,
                             const patchbay_plugin_functions* functions)
    : installed_(std::move(installed)), handle_(std::move(handle)), functions_(functions) {}

PluginLibrary::~PluginLibrary() = default;

absl::StatusOr<std::unique_ptr<PluginLibrary>> PluginLibrary::Load(const InstalledPlugin& installed,
                                                                   const HostAbi& host) {
  const PluginManifest& manifest = installed.manifest;
  absl::Status status = CheckUnchanged(installed);
  // What can be refused without running the library's code is.
  if (status.ok()) status = CheckAbi(manifest.abi, manifest.tier, manifest.fingerprint, host);
  if (!status.ok()) return Refused(installed, status);
  auto handle = std::make_unique<Handle>(installed.library_path);
  if (status = handle->Open(); !status.ok()) return Refused(installed, status);
  const absl::StatusOr<const patchbay_entry*> entry = handle->Entry();
  status = entry.ok() ? CheckLoaded(**entry, manifest, host) : entry.status();
  if (!status.ok()) {
    // Nothing has taken anything from it yet.
    handle->Close();
    return Refused(installed, status);
  }
  return std::unique_ptr<PluginLibrary>(
      new PluginLibrary(installed, std::move(handle), (*entry)->functions));
}

PluginLibrary::UnloadResult PluginLibrary::Unload(std::unique_ptr<PluginLibrary> library) {
  return library->handle_->Close();
}

}  // namespace patchbay
