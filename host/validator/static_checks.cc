// What the manifest says, and whether the library beside it is the one that it was written for.

#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "host/base/sha256.h"
#include "host/plugins/abi_rules.h"
#include "host/plugins/hook_adapters.h"
#include "host/plugins/schema_check.h"
#include "host/validator/check.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kMaxLibraryBytes = uintmax_t{256} << 20;

Verdict IsThere(const Subject& subject, Place&) {
  std::error_code error;
  if (!fs::is_directory(subject.folder, error)) {
    return Fail(absl::StrCat(subject.folder, " is no folder"));
  }
  if (!fs::is_regular_file(fs::path(subject.folder) / kManifestFileName, error)) {
    return Fail(absl::StrCat(subject.folder, " holds no ", kManifestFileName));
  }
  return Pass();
}

Verdict IsReadable(const Subject& subject, Place&) { return FromStatus(subject.plugin.status()); }

Verdict HasLibrary(const Subject& subject, Place&) {
  std::error_code error;
  const fs::path path = subject.plugin->library_path;
  if (!fs::is_regular_file(path, error)) return Fail(absl::StrCat(path.string(), " is no file"));
  const uintmax_t size = fs::file_size(path, error);
  if (size > kMaxLibraryBytes) {
    return Fail(absl::StrCat("the library has ", size >> 20, " MiB; at most ",
                             kMaxLibraryBytes >> 20, " are loaded"));
  }
  return Pass();
}

Verdict HashIsRight(const Subject& subject, Place&) {
  const auto digest = Sha256OfFile(subject.plugin->library_path);
  if (!digest.ok()) return FromStatus(digest.status());
  if (*digest == subject.manifest().sha256) return Pass();
  return Fail(absl::StrCat("the manifest was written for a library with SHA-256 ",
                           subject.manifest().sha256.substr(0, 12), ", this one has ",
                           digest->substr(0, 12)));
}

Verdict SchemaIsSound(const Subject& subject, Place&) {
  return FromStatus(CheckDescription(subject.manifest().description));
}

Verdict SaysWhatItIs(const Subject& subject, Place&) {
  const PluginDescription& description = subject.manifest().description;
  for (const auto& [name, text] :
       {std::pair{"title", description.title}, std::pair{"summary", description.summary},
        std::pair{"licence", description.licence}}) {
    if (text.empty()) return Fail(absl::StrCat("its ", name, " is empty"));
  }
  if (description.version == "0.0.0") return Fail("it has no version");
  return Pass();
}

Verdict ExplainsItsFields(const Subject& subject, Place&) {
  const auto& fields = subject.manifest().description.fields;
  if (fields.empty()) return Skip("it has no parameters");
  for (const PluginField& field : fields) {
    if (field.label.empty()) return Fail(absl::StrCat("parameter ", field.id, " has no label"));
    if (field.help.empty()) return Fail(absl::StrCat("parameter ", field.id, " has no help"));
  }
  return Pass();
}

Verdict NumbersAreStable(const Subject& subject, Place&) {
  if (subject.previous_manifest.empty()) {
    return Skip("no earlier release to compare with; name its plugin.json with --previous");
  }
  const auto previous = ReadManifest(subject.previous_manifest);
  if (!previous.ok()) return FromStatus(previous.status());
  const auto& fields = subject.manifest().description.fields;
  for (const PluginField& old : previous->description.fields) {
    for (const PluginField& field : fields) {
      if (field.id == old.id && field.number != old.number) {
        return Fail(absl::StrCat("parameter ", field.id, " had number ", old.number, " and has ",
                                 field.number));
      }
      if (field.number == old.number && field.id != old.id) {
        return Fail(
            absl::StrCat("number ", old.number, " was ", old.id, "'s and is ", field.id, "'s now"));
      }
      if (field.id == old.id && field.type != old.type) {
        return Fail(absl::StrCat("parameter ", field.id, " has another type than before"));
      }
    }
  }
  return Pass();
}

Verdict AbiIsServed(const Subject& subject, Place&) {
  const PluginManifest& manifest = subject.manifest();
  return FromStatus(CheckAbi(manifest.abi, manifest.tier, manifest.fingerprint, ThisHostAbi()));
}

Verdict HooksAreKnown(const Subject& subject, Place&) {
  for (const std::string& hook : subject.manifest().description.required_hooks) {
    if (FindHookKind(hook) == nullptr) {
      return Fail(absl::StrCat("it requires ", hook, ", which this host does not offer"));
    }
  }
  return Pass();
}

Verdict OrderMakesSense(const Subject& subject, Place&) {
  const PluginDescription& d = subject.manifest().description;
  std::set<std::string> before(d.before.begin(), d.before.end());
  for (const std::string& id : d.after) {
    if (before.contains(id)) {
      return Fail(absl::StrCat("it wants to be both before and after ", id));
    }
  }
  for (const auto* list : {&d.before, &d.after, &d.conflicts}) {
    for (const std::string& id : *list) {
      if (id == d.id) return Fail("its order or its conflicts name itself");
    }
  }
  return Pass();
}

}  // namespace

std::vector<Check> StaticChecks() {
  return {
      {"manifest.present", "The folder holds a plugin.json",
       "Name the folder that the build has written, such as build/plugins/ID.", nullptr, IsThere},
      {"manifest.valid", "The manifest is well formed",
       "Build with patchbay_add_plugin(), which writes it; do not edit it.", "manifest.present",
       IsReadable},
      {"manifest.library", "The library lies beside the manifest",
       "Build again, and ship both files.", "manifest.valid", HasLibrary},
      {"manifest.hash", "The manifest was written for this library",
       "Build again; strip or sign the library before the manifest is written, not after.",
       "manifest.library", HashIsRight},
      {"manifest.texts", "Title, summary, version and licence are given",
       "Add them in describe(): .title() .summary() .version() .licence().", "manifest.valid",
       SaysWhatItIs},
      {"manifest.order", "Its place among other plugins can be met",
       "Look at .before(), .after() and .conflicts() in describe().", "manifest.valid",
       OrderMakesSense},
      {"manifest.hooks", "Every hook that it requires exists",
       "Check the spelling, or build against this host's SDK.", "manifest.valid", HooksAreKnown},
      {"manifest.abi", "This host serves its ABI version, tier and build",
       "Build with this host's SDK, compiler and LibTorch, or choose the stable tier.",
       "manifest.valid", AbiIsServed},
      {"schema.sound", "Parameters have ids, numbers, ranges and defaults that go together",
       "The message names the parameter and the rule (patchbay/abi/schema.h).", "manifest.valid",
       SchemaIsSound},
      {"schema.explained", "Every parameter has a label and a help text",
       "Add .label() and .help(): they are what people see.", "manifest.valid", ExplainsItsFields},
      {"schema.stable", "Parameters keep their numbers and types from release to release",
       "Give a new parameter a new number; leave the numbers of old ones alone.", "manifest.valid",
       NumbersAreStable},
  };
}

}  // namespace patchbay
