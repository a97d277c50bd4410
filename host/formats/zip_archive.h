#ifndef PATCHBAY_HOST_FORMATS_ZIP_ARCHIVE_H_
#define PATCHBAY_HOST_FORMATS_ZIP_ARCHIVE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

struct zip;

namespace patchbay {

// A zip archive in memory, of which members are read that are stored without compression, as
// torch.save() writes them. None of these is larger than its bytes in the archive, so none can grow
// when it is read. One thread at a time.
class ZipArchive {
 public:
  struct Member {
    uint64_t index = 0;  // in the archive
    uint64_t size = 0;
    bool is_stored = false;  // as plain bytes; others cannot be read
  };

  // INVALID_ARGUMENT: no zip archive, a damaged one, one with two members of one name. Errors do
  // not name the file. `content` must outlive the object.
  static absl::StatusOr<ZipArchive> Open(absl::Span<const std::byte> content);

  // By their names.
  const std::map<std::string, Member, std::less<>>& members() const { return members_; }

  // A member's bytes; its checksum is verified. INVALID_ARGUMENT: there is none of this name, it is
  // damaged, compressed or encrypted.
  absl::StatusOr<std::string> Read(std::string_view name) const;

 private:
  struct Close {
    void operator()(zip* archive) const;
  };

  explicit ZipArchive(std::unique_ptr<zip, Close> archive) : archive_(std::move(archive)) {}
  absl::Status ListMembers(uint64_t archive_bytes);

  std::unique_ptr<zip, Close> archive_;
  std::map<std::string, Member, std::less<>> members_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_ZIP_ARCHIVE_H_
