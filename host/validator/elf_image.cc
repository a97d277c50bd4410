#include "host/validator/elf_image.h"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace patchbay {
namespace {

// Looks at the file's bytes and checks every access.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class Struct>
  std::optional<Struct> At(uint64_t offset) const {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(Struct)) return std::nullopt;
    Struct value;
    std::memcpy(&value, bytes_.data() + offset, sizeof(value));
    return value;
  }

  std::string Text(uint64_t offset) const {
    if (offset >= bytes_.size()) return "";
    const size_t end = bytes_.find('\0', offset);
    return std::string(bytes_.substr(offset, end == bytes_.npos ? 0 : end - offset));
  }

 private:
  std::string_view bytes_;
};

bool IsOurKind(const Elf64_Ehdr& header) {
  constexpr bool kLittle = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
         header.e_ident[EI_CLASS] == ELFCLASS64 &&
         header.e_ident[EI_DATA] == (kLittle ? ELFDATA2LSB : ELFDATA2MSB) &&
         header.e_phentsize == sizeof(Elf64_Phdr) && header.e_shentsize == sizeof(Elf64_Shdr);
}

void ReadSegments(const Reader& reader, const Elf64_Ehdr& header, ElfImage& image) {
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = reader.At<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment) return;
    if (segment->p_type == PT_GNU_STACK)
      image.has_executable_stack = (segment->p_flags & PF_X) != 0;
    if (segment->p_type == PT_GNU_RELRO) image.has_read_only_relocations = true;
  }
}

void ReadSymbols(const Reader& reader, const Elf64_Shdr& section, uint64_t strings,
                 ElfImage& image) {
  // The first entry is empty by definition.
  for (uint64_t offset = sizeof(Elf64_Sym); offset + sizeof(Elf64_Sym) <= section.sh_size;
       offset += sizeof(Elf64_Sym)) {
    const auto symbol = reader.At<Elf64_Sym>(section.sh_offset + offset);
    if (!symbol) return;
    const unsigned binding = ELF64_ST_BIND(symbol->st_info);
    if (binding == STB_LOCAL) continue;
    image.dynamic_symbols.push_back({reader.Text(strings + symbol->st_name),
                                     symbol->st_shndx != SHN_UNDEF, binding == STB_GNU_UNIQUE,
                                     ELF64_ST_TYPE(symbol->st_info) == STT_OBJECT});
  }
}

void ReadDynamic(const Reader& reader, const Elf64_Shdr& section, uint64_t strings,
                 ElfImage& image) {
  for (uint64_t offset = 0; offset + sizeof(Elf64_Dyn) <= section.sh_size;
       offset += sizeof(Elf64_Dyn)) {
    const auto entry = reader.At<Elf64_Dyn>(section.sh_offset + offset);
    if (!entry || entry->d_tag == DT_NULL) return;
    const uint64_t value = entry->d_un.d_val;
    switch (entry->d_tag) {
      case DT_NEEDED:
        image.needed.push_back(reader.Text(strings + value));
        break;
      case DT_RPATH:
      case DT_RUNPATH:
        image.search_path = reader.Text(strings + value);
        break;
      case DT_TEXTREL:
        image.has_text_relocations = true;
        break;
      case DT_BIND_NOW:
        image.binds_now = true;
        break;
      case DT_FLAGS:
        image.binds_now |= (value & DF_BIND_NOW) != 0;
        image.has_text_relocations |= (value & DF_TEXTREL) != 0;
        break;
      case DT_FLAGS_1:
        image.binds_now |= (value & DF_1_NOW) != 0;
        break;
      default:
        break;
    }
  }
}

void ReadSections(const Reader& reader, const Elf64_Ehdr& header, ElfImage& image) {
  const auto at = [&](uint64_t index) {
    return reader.At<Elf64_Shdr>(header.e_shoff + index * sizeof(Elf64_Shdr));
  };
  const auto names = at(header.e_shstrndx);
  for (uint64_t i = 0; i < header.e_shnum; ++i) {
    const auto section = at(i);
    if (!section) return;
    const auto strings = at(section->sh_link);
    if (section->sh_type == SHT_DYNSYM && strings) {
      ReadSymbols(reader, *section, strings->sh_offset, image);
    } else if (section->sh_type == SHT_DYNAMIC && strings) {
      ReadDynamic(reader, *section, strings->sh_offset, image);
    } else if (section->sh_type == SHT_NOTE && names &&
               reader.Text(names->sh_offset + section->sh_name) == ".note.gnu.build-id") {
      image.has_build_id = true;
    }
  }
}

}  // namespace

absl::StatusOr<ElfImage> ElfImage::Read(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  const std::string bytes = std::move(content).str();
  const Reader reader(bytes);
  const auto header = reader.At<Elf64_Ehdr>(0);
  if (!header || !IsOurKind(*header)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is no ELF library of 64 bits for this machine"));
  }
  ElfImage image;
  image.machine = header->e_machine;
  image.is_shared_object = header->e_type == ET_DYN;
  ReadSegments(reader, *header, image);
  ReadSections(reader, *header, image);
  if (image.dynamic_symbols.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " has no table of dynamic symbols; it is cut off or was stripped"));
  }
  return image;
}

}  // namespace patchbay
