#ifndef PATCHBAY_HOST_VALIDATOR_ELF_IMAGE_H_
#define PATCHBAY_HOST_VALIDATOR_ELF_IMAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace patchbay {

// What the dynamic loader will see of a library, read from its file without running it. ELF, 64
// bits, this machine's byte order (System V ABI, chapters 4 and 5).
struct ElfImage {
  struct Symbol {
    std::string name;
    bool is_defined = false;
    bool is_unique = false;  // STB_GNU_UNIQUE
    bool is_object = false;  // data
  };

  uint16_t machine = 0;
  bool is_shared_object = false;
  std::vector<Symbol> dynamic_symbols;  // without local ones
  std::vector<std::string> needed;      // DT_NEEDED
  std::string search_path;              // DT_RUNPATH or DT_RPATH
  bool has_text_relocations = false;
  bool has_executable_stack = false;
  bool has_read_only_relocations = false;  // PT_GNU_RELRO
  bool binds_now = false;
  bool has_build_id = false;

  // INVALID_ARGUMENT for a file that is no such library or is damaged; it is never read beyond its
  // end.
  static absl::StatusOr<ElfImage> Read(const std::string& path);
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_ELF_IMAGE_H_
