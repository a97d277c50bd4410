#include "host/formats/zip_archive.h"

#include <zip.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/excerpt.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr int64_t kMostMembers = 200'000;
constexpr uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_INDEX | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                             ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;

absl::Status Damaged(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("its zip archive is damaged (", std::string(what),
                                                 "); download the file again"));
}

}  // namespace

void ZipArchive::Close::operator()(zip* archive) const { zip_discard(archive); }

absl::StatusOr<ZipArchive> ZipArchive::Open(absl::Span<const std::byte> content) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source =
      zip_source_buffer_create(content.data(), content.size(), /*freep=*/0, &error);
  zip_t* const opened = source == nullptr
                            ? nullptr
                            : zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
  // The text belongs to the error.
  const std::string reason = opened == nullptr ? zip_error_strerror(&error) : "";
  zip_error_fini(&error);
  if (opened == nullptr) {
    if (source != nullptr) zip_source_free(source);
    return Damaged(reason);
  }
  ZipArchive archive((std::unique_ptr<zip, Close>(opened)));
  PATCHBAY_RETURN_IF_ERROR(archive.ListMembers(content.size()));
  return archive;
}

absl::Status ZipArchive::ListMembers(uint64_t archive_bytes) {
  const int64_t count = zip_get_num_entries(archive_.get(), 0);
  if (count < 0 || count > kMostMembers) {
    return absl::InvalidArgumentError(absl::StrCat(
        "its zip archive has ", count, " members; at most ", kMostMembers, " are read"));
  }
  uint64_t left = archive_bytes;
  for (int64_t i = 0; i < count; ++i) {
    zip_stat_t member;
    zip_stat_init(&member);
    if (zip_stat_index(archive_.get(), static_cast<uint64_t>(i), 0, &member) != 0 ||
        (member.valid & kNeeded) != kNeeded) {
      return Damaged("a member has no proper entry");
    }
    const std::string name = member.name;
    const bool is_stored = member.encryption_method == ZIP_EM_NONE &&
                           member.comp_method == ZIP_CM_STORE && member.size == member.comp_size;
    if (is_stored && member.size > left) return Damaged("its members are larger than the file");
    if (is_stored) left -= member.size;
    if (!members_.emplace(name, Member{member.index, member.size, is_stored}).second) {
      return Damaged(absl::StrCat("it has \"", Excerpt(name), "\" twice"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ZipArchive::Read(std::string_view name) const {
  const auto found = members_.find(name);
  if (found == members_.end()) {
    return Damaged(absl::StrCat("there is no \"", Excerpt(name), "\""));
  }
  if (!found->second.is_stored) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", Excerpt(name),
                     "\" in its zip archive is compressed or encrypted; torch.save() stores plain "
                     "bytes, so this is another kind of file"));
  }
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(
      zip_fopen_index(archive_.get(), found->second.index, 0), &zip_fclose);
  if (file == nullptr) return Damaged(absl::StrCat("\"", Excerpt(name), "\" cannot be read"));
  std::string bytes(found->second.size, '\0');
  size_t done = 0;
  // The checksum is compared when the end is read, one byte behind the last.
  while (true) {
    char beyond = 0;
    const bool is_full = done == bytes.size();
    const int64_t read = zip_fread(file.get(), is_full ? &beyond : bytes.data() + done,
                                   is_full ? 1 : bytes.size() - done);
    if (read < 0 || (is_full && read > 0)) {
      return Damaged(
          absl::StrCat("\"", Excerpt(name), "\": ", std::string(zip_file_strerror(file.get()))));
    }
    if (read == 0) break;
    done += static_cast<size_t>(read);
  }
  if (done != bytes.size()) return Damaged(absl::StrCat("\"", Excerpt(name), "\" is too short"));
  return bytes;
}

}  // namespace patchbay
