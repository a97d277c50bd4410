#include "host/plugins/mapped_library.h"

#include <dlfcn.h>
#include <link.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

struct Comparison {
  uintptr_t address = 0;
  absl::Span<const std::byte> file;
  // Empty until the library is found.
  std::optional<bool> same;
};

bool IsConstant(const ElfW(Phdr) & segment) {
  return segment.p_type == PT_LOAD && (segment.p_flags & PF_W) == 0;
}

bool Contains(const dl_phdr_info& library, uintptr_t address) {
  for (int i = 0; i < library.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = library.dlpi_phdr[i];
    const uintptr_t begin = library.dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && address >= begin && address - begin < segment.p_memsz) {
      return true;
    }
  }
  return false;
}

// Not memcmp: AddressSanitizer checks that one, and would find its own marks between the constants.
__attribute__((no_sanitize("address"))) bool IsSame(const std::byte* a, const std::byte* b,
                                                    size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

// Code and constants, which the loader leaves as they are in the file.
bool HasSameConstants(const dl_phdr_info& library, absl::Span<const std::byte> file) {
  for (int i = 0; i < library.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = library.dlpi_phdr[i];
    if (!IsConstant(segment)) continue;
    if (segment.p_offset > file.size() || segment.p_filesz > file.size() - segment.p_offset) {
      return false;
    }
    const auto* const mapped =
        reinterpret_cast<const std::byte*>(library.dlpi_addr + segment.p_vaddr);
    if (!IsSame(mapped, file.data() + segment.p_offset, segment.p_filesz)) return false;
  }
  return true;
}

int Compare(dl_phdr_info* library, size_t, void* data) {
  auto& comparison = *static_cast<Comparison*>(data);
  if (!Contains(*library, comparison.address)) return 0;
  comparison.same = HasSameConstants(*library, comparison.file);
  return 1;
}

}  // namespace

bool IsMapped(const std::string& path) {
  void* const handle = dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr) return false;
  dlclose(handle);
  return true;
}

absl::Status CheckMappedFrom(const std::string& path, const void* address) {
  PATCHBAY_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  Comparison comparison{reinterpret_cast<uintptr_t>(address), file->bytes(), std::nullopt};
  dl_iterate_phdr(&Compare, &comparison);
  if (comparison.same.value_or(false)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the process still has another build mapped under the name ", path,
                   "; install the new one, so that it gets a name of its own"));
}

}  // namespace patchbay
