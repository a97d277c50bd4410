// What happens when the library is loaded, looked at and unloaded.

#include <dlfcn.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/plugins/abi_rules.h"
#include "host/plugins/descriptor_reader.h"
#include "host/plugins/plugin_library.h"
#include "host/validator/check.h"
#include "host/validator/process_state.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kLoadTime(1000);

void* OpenLibrary(const std::string& path, Place& place) {
  place.Set("while it was loaded");
  void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  place.Set("");
  return handle;
}

Verdict Loads(const Subject& subject, Place& place) {
  if (OpenLibrary(subject.plugin->library_path, place) != nullptr) return Pass();
  return Fail(dlerror());
}

// The entry of the library; it stays open.
absl::StatusOr<const patchbay_entry*> Entry(const Subject& subject, Place& place) {
  void* const handle = OpenLibrary(subject.plugin->library_path, place);
  if (handle == nullptr) return absl::FailedPreconditionError(dlerror());
  const auto* entry = static_cast<const patchbay_entry*>(dlsym(handle, PATCHBAY_ENTRY_SYMBOL));
  if (entry == nullptr) return absl::NotFoundError("it has no symbol " PATCHBAY_ENTRY_SYMBOL);
  return entry;
}

Verdict EntryIsSound(const Subject& subject, Place& place) {
  const auto entry = Entry(subject, place);
  if (!entry.ok()) return FromStatus(entry.status());
  return FromStatus(CheckEntry(**entry, ThisHostAbi()));
}

absl::Status CompareWithManifest(const Subject& subject, const patchbay_entry& entry) {
  const patchbay_descriptor* descriptor = entry.functions->descriptor();
  if (descriptor == nullptr) return absl::InternalError("descriptor() gave NULL");
  PATCHBAY_ASSIGN_OR_RETURN(PluginDescription description, ReadDescriptor(*descriptor));
  PluginManifest loaded = subject.manifest();
  loaded.description = std::move(description);
  loaded.abi = {entry.abi_major, entry.abi_minor};
  loaded.tier = entry.tier;
  loaded.fingerprint = entry.fingerprint;
  return CheckSameAsManifest(subject.manifest(), loaded);
}

Verdict IsWhatItsManifestSays(const Subject& subject, Place& place) {
  const auto entry = Entry(subject, place);
  if (!entry.ok()) return FromStatus(entry.status());
  place.Set("in descriptor()");
  return FromStatus(CompareWithManifest(subject, **entry));
}

Verdict DescribesItselfAgain(const Subject& subject, Place& place) {
  const auto entry = Entry(subject, place);
  if (!entry.ok()) return FromStatus(entry.status());
  place.Set("in descriptor()");
  const patchbay_descriptor* const first = (*entry)->functions->descriptor();
  if ((*entry)->functions->descriptor() != first) {
    return Fail("descriptor() gives another address at the second call");
  }
  return FromStatus(CompareWithManifest(subject, **entry));
}

Verdict LoadsQuickly(const Subject& subject, Place& place) {
  const auto start = std::chrono::steady_clock::now();
  if (OpenLibrary(subject.plugin->library_path, place) == nullptr) return Fail(dlerror());
  const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - start);
  if (spent > kLoadTime) {
    return Fail(absl::StrCat("loading took ", spent.count(), " ms of at most ", kLoadTime.count()));
  }
  return Pass(absl::StrCat(spent.count(), " ms"));
}

Verdict LoadsQuietly(const Subject& subject, Place& place) {
  FILE* const output = std::tmpfile();
  if (output == nullptr) return Skip("the system gives no temporary file");
  const int threads = ThreadCount();
  const int files = OpenFileCount();
  const int kept = dup(STDOUT_FILENO);
  dup2(fileno(output), STDOUT_FILENO);
  dup2(fileno(output), STDERR_FILENO);
  const bool loaded = OpenLibrary(subject.plugin->library_path, place) != nullptr;
  std::fflush(nullptr);
  const long printed = static_cast<long>(lseek(fileno(output), 0, SEEK_END));
  dup2(kept, STDOUT_FILENO);
  if (!loaded) return Fail(dlerror());
  if (printed > 0) return Fail(absl::StrCat("it printed ", printed, " bytes"));
  if (ThreadCount() != threads) return Fail("it started threads");
  // The one that `kept` is.
  if (OpenFileCount() > files + 1) return Fail("it left files open");
  return Pass();
}

Verdict LoadsAlongsideItself(const Subject& subject, Place& place) {
  const fs::path copy =
      fs::temp_directory_path() / absl::StrCat("patchbay-validate-", getpid(), ".so");
  std::error_code error;
  fs::copy_file(subject.plugin->library_path, copy, fs::copy_options::overwrite_existing, error);
  if (error) return Skip(absl::StrCat("cannot write ", copy.string(), ": ", error.message()));
  void* const first = OpenLibrary(subject.plugin->library_path, place);
  void* const second = OpenLibrary(copy.string(), place);
  fs::remove(copy, error);
  if (first == nullptr || second == nullptr) return Fail(dlerror());
  const auto* a = static_cast<const patchbay_entry*>(dlsym(first, PATCHBAY_ENTRY_SYMBOL));
  const auto* b = static_cast<const patchbay_entry*>(dlsym(second, PATCHBAY_ENTRY_SYMBOL));
  place.Set("in descriptor() of a second copy");
  if (a == b || a->functions == b->functions ||
      a->functions->descriptor == b->functions->descriptor ||
      a->functions->descriptor() == b->functions->descriptor()) {
    return Fail("two copies of it share state: the second would change the first");
  }
  return Pass();
}

Verdict Unloads(const Subject& subject, Place& place) {
  place.Set("while it was loaded");
  auto library = PluginLibrary::Load(*subject.plugin, ThisHostAbi());
  if (!library.ok()) return FromStatus(library.status());
  place.Set("while it was unloaded");
  switch (PluginLibrary::Unload(*std::move(library))) {
    case PluginLibrary::UnloadResult::kUnmapped:
      return Pass();
    case PluginLibrary::UnloadResult::kStillMapped:
      return Fail("it stays mapped after it was closed");
    case PluginLibrary::UnloadResult::kNotTried:
      return Skip("this build of the validator never unmaps");
  }
  return Fail("unreachable");
}

Verdict LoadsManyTimes(const Subject& subject, Place& place) {
  absl::Status status;
  const double growth = GrowthPerCall(20, [&] {
    place.Set("while it was loaded again");
    auto library = PluginLibrary::Load(*subject.plugin, ThisHostAbi());
    if (!library.ok()) {
      status = library.status();
      return;
    }
    place.Set("while it was unloaded again");
    PluginLibrary::Unload(*std::move(library));
  });
  if (!status.ok()) return FromStatus(status);
  constexpr double kMostBytes = 4096;
  if (growth > kMostBytes) {
    return Fail(absl::StrCat(static_cast<int64_t>(growth), " bytes stay behind each time"));
  }
  return Pass();
}

}  // namespace

std::vector<Check> LibraryChecks() {
  return {
      {"library.loads", "It loads", "Every symbol that it needs must be there: link what it uses.",
       "manifest.library", Loads},
      {"library.entry", "Its entry is one that this host understands",
       "Use PATCHBAY_PLUGIN, or fill all of patchbay_entry (patchbay/abi/plugin.h).",
       "library.loads", EntryIsSound},
      {"library.matches_manifest", "It is what its manifest says",
       "Build again; the manifest is written from the library and never by hand.", "library.entry",
       IsWhatItsManifestSays},
      {"library.describes_itself", "It describes itself the same way every time",
       "The descriptor is valid and unchanging while the library is loaded.",
       "library.matches_manifest", DescribesItselfAgain},
      {"library.quick", "It loads in less than a second",
       "Do in attach() what takes time, not in static objects.", "library.loads", LoadsQuickly},
      {"library.quiet", "Loading it prints nothing, starts no thread and opens no file",
       "Do nothing in static objects; log through the host.", "library.loads", LoadsQuietly},
      {"library.two_copies", "Two versions can be loaded side by side",
       "Build with patchbay_add_plugin(): hidden symbols, none of them unique.",
       "library.matches_manifest", LoadsAlongsideItself},
      {"library.unloads", "It leaves the process when it is closed",
       "No thread_local with a destructor, no unique symbol, no thread of its own.",
       "library.matches_manifest", Unloads},
      {"library.repeats", "It can be loaded and unloaded many times",
       "Free what static objects hold.", "library.matches_manifest", LoadsManyTimes},
  };
}

}  // namespace patchbay
