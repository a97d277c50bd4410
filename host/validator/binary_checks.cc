// What the library's file tells about how it will behave when it is loaded and unloaded.

#include <elf.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/validator/check.h"
#include "host/validator/elf_image.h"

namespace patchbay {
namespace {

using ImageCheck = Verdict (*)(const Subject&, const ElfImage&);

// Reads the library for a check.
std::function<Verdict(const Subject&, Place&)> OfImage(ImageCheck check) {
  return [check](const Subject& subject, Place&) -> Verdict {
    const auto image = ElfImage::Read(subject.plugin->library_path);
    return image.ok() ? check(subject, *image) : FromStatus(image.status());
  };
}

Verdict IsSharedObject(const Subject&, const ElfImage& image) {
#if defined(__x86_64__)
  constexpr uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
  constexpr uint16_t kMachine = EM_AARCH64;
#else
  const uint16_t kMachine = image.machine;
#endif
  if (image.machine != kMachine) return Fail("it was built for another kind of processor");
  return image.is_shared_object ? Pass() : Fail("it is no shared library");
}

Verdict ExportsOneSymbol(const Subject&, const ElfImage& image) {
  std::vector<std::string> exported;
  bool is_object = false;
  for (const ElfImage::Symbol& symbol : image.dynamic_symbols) {
    if (!symbol.is_defined) continue;
    if (symbol.name == PATCHBAY_ENTRY_SYMBOL) is_object = symbol.is_object;
    exported.push_back(symbol.name);
  }
  if (exported.size() == 1 && is_object) return Pass();
  if (exported.empty()) return Fail("it exports nothing");
  const size_t shown = std::min<size_t>(exported.size(), 5);
  return Fail(absl::StrCat("it exports ", exported.size(), " symbols (",
                           absl::StrJoin(exported.begin(), exported.begin() + shown, ", "),
                           exported.size() > shown ? ", ..." : "",
                           "); only the object " PATCHBAY_ENTRY_SYMBOL " is allowed"));
}

Verdict HasNoUniqueSymbols(const Subject&, const ElfImage& image) {
  for (const ElfImage::Symbol& symbol : image.dynamic_symbols) {
    if (symbol.is_unique) {
      return Fail(absl::StrCat(symbol.name,
                               " is STB_GNU_UNIQUE: it would be shared with the version "
                               "that this one replaces, and keep both mapped"));
    }
  }
  return Pass();
}

Verdict HasNoThreadLocalDestructors(const Subject&, const ElfImage& image) {
  for (const ElfImage::Symbol& symbol : image.dynamic_symbols) {
    if (absl::StartsWith(symbol.name, "__cxa_thread_atexit")) {
      return Fail("it has thread_local variables with destructors, which keep it mapped for good");
    }
  }
  return Pass();
}

bool MayNeed(patchbay_tier tier, std::string_view library) {
  constexpr std::array<std::string_view, 8> kSystem = {"libc.so.",     "libm.so.", "libstdc++.so.",
                                                       "libgcc_s.so.", "ld-linux", "libpthread.so.",
                                                       "libdl.so.",    "librt.so."};
  constexpr std::array<std::string_view, 5> kLibTorch = {"libtorch", "libc10", "libgomp",
                                                         "libcudart", "libmkl"};
  const auto begins = [library](std::string_view prefix) {
    return library.substr(0, prefix.size()) == prefix;
  };
  return std::any_of(kSystem.begin(), kSystem.end(), begins) ||
         (tier != PATCHBAY_TIER_PLAIN && std::any_of(kLibTorch.begin(), kLibTorch.end(), begins));
}

Verdict NeedsLittle(const Subject& subject, const ElfImage& image) {
  for (const std::string& library : image.needed) {
    if (!MayNeed(subject.manifest().tier, library)) {
      return Fail(absl::StrCat("it needs ", library, ", which a host may not have"));
    }
  }
  return Pass();
}

Verdict UsesItsTierOnly(const Subject& subject, const ElfImage& image) {
  const patchbay_tier tier = subject.manifest().tier;
  if (tier == PATCHBAY_TIER_EXACT) return Skip("the exact tier may use all of LibTorch");
  for (const ElfImage::Symbol& symbol : image.dynamic_symbols) {
    if (symbol.is_defined) continue;
    const bool is_cxx_libtorch =
        absl::StartsWith(symbol.name, "_Z") &&
        (absl::StrContains(symbol.name, "N2at") || absl::StrContains(symbol.name, "N3c10") ||
         absl::StrContains(symbol.name, "N5torch"));
    const bool is_c_libtorch =
        absl::StartsWith(symbol.name, "aoti_torch") || absl::StartsWith(symbol.name, "torch_");
    if (is_cxx_libtorch || (tier == PATCHBAY_TIER_PLAIN && is_c_libtorch)) {
      return Fail(absl::StrCat("it uses ", symbol.name, ", which its tier does not have"));
    }
  }
  return Pass();
}

Verdict KeepsToItself(const Subject&, const ElfImage& image) {
  constexpr std::array<std::string_view, 4> kForeign = {"N4absl", "N6google8protobuf", "N4grpc",
                                                        "N8patchbay4host"};
  for (const ElfImage::Symbol& symbol : image.dynamic_symbols) {
    for (const std::string_view part : kForeign) {
      if (!symbol.is_defined && symbol.name.find(part) != std::string::npos) {
        return Fail(absl::StrCat("it takes ", symbol.name, " from the host, which may go any day"));
      }
    }
  }
  return Pass();
}

Verdict HasNoSearchPath(const Subject&, const ElfImage& image) {
  return image.search_path.empty()
             ? Pass()
             : Fail(absl::StrCat("it looks for libraries in ", image.search_path,
                                 ", where it may find another LibTorch than the host's"));
}

Verdict HasNoTextRelocations(const Subject&, const ElfImage& image) {
  return image.has_text_relocations ? Fail("its code is changed while it is loaded") : Pass();
}

Verdict HasNoExecutableStack(const Subject&, const ElfImage& image) {
  return image.has_executable_stack ? Fail("it makes the process's stacks executable") : Pass();
}

Verdict BindsAtLoad(const Subject&, const ElfImage& image) {
  if (!image.has_read_only_relocations) return Fail("its tables stay writable (no RELRO)");
  return image.binds_now ? Pass() : Fail("missing symbols would show at the first call only");
}

Verdict HasBuildId(const Subject&, const ElfImage& image) {
  // What debuggers find symbols by; its absence harms nobody else.
  return image.has_build_id ? Pass() : Skip("it has no build id; crash reports name no source");
}

constexpr char kBuildAdvice[] = "Build with patchbay_add_plugin(), which sets the linker's flags.";

}  // namespace

std::vector<Check> BinaryChecks() {
  return {
      {"binary.kind", "The library is a shared object for this machine", kBuildAdvice,
       "manifest.library", OfImage(IsSharedObject)},
      {"binary.exports", "It exports its entry and nothing else", kBuildAdvice, "binary.kind",
       OfImage(ExportsOneSymbol)},
      {"binary.no_unique_symbols", "No symbol is shared between versions", kBuildAdvice,
       "binary.kind", OfImage(HasNoUniqueSymbols)},
      {"binary.no_thread_local_destructors", "No thread_local variable keeps it mapped",
       "Keep state in the pass (Attach::begin_pass) instead of thread_local variables.",
       "binary.kind", OfImage(HasNoThreadLocalDestructors)},
      {"binary.needed", "It needs the system's libraries and its tier's only",
       "Link other libraries statically, with hidden symbols.", "binary.kind",
       OfImage(NeedsLittle)},
      {"binary.tier", "It uses no more of LibTorch than its tier has",
       "Use torch::stable (stable) or DLPack (plain) only, or change TIER.", "binary.kind",
       OfImage(UsesItsTierOnly)},
      {"binary.private", "It takes nothing from the host but LibTorch",
       "Include headers of the SDK only.", "binary.kind", OfImage(KeepsToItself)},
      {"binary.search_path", "It carries no path to look for libraries in", kBuildAdvice,
       "binary.kind", OfImage(HasNoSearchPath)},
      {"binary.no_text_relocations", "Its code stays as it is", "Compile with -fPIC.",
       "binary.kind", OfImage(HasNoTextRelocations)},
      {"binary.stack", "Stacks stay data",
       "Link with -z noexecstack; assembler files need a .note.GNU-stack section.", "binary.kind",
       OfImage(HasNoExecutableStack)},
      {"binary.binding", "All symbols are found when it is loaded", kBuildAdvice, "binary.kind",
       OfImage(BindsAtLoad)},
      {"binary.build_id", "Crash reports can name its source", "Link with --build-id.",
       "binary.kind", OfImage(HasBuildId)},
  };
}

}  // namespace patchbay
