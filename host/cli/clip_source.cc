#include "host/cli/clip_source.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

absl::Status About(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

// Says of errors in which file they are.
class NamedReader final : public FrameReader {
 public:
  NamedReader(std::string path, std::unique_ptr<FrameReader> reader)
      : path_(std::move(path)), reader_(std::move(reader)) {}

  const ClipInfo& info() const override { return reader_->info(); }
  absl::StatusOr<std::optional<Picture>> Next() override {
    absl::StatusOr<std::optional<Picture>> frame = reader_->Next();
    if (!frame.ok()) return About(path_, frame.status());
    return frame;
  }

 private:
  const std::string path_;
  const std::unique_ptr<FrameReader> reader_;
};

}  // namespace

absl::StatusOr<bool> IsClip(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return true;
  PATCHBAY_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return IsAnimation(file->bytes());
}

absl::StatusOr<std::unique_ptr<FrameReader>> OpenClip(const std::string& path) {
  std::error_code ignored;
  absl::StatusOr<std::unique_ptr<FrameReader>> reader =
      fs::is_directory(path, ignored) ? OpenFrameFolder(path) : OpenFrames(path);
  if (!reader.ok()) return About(path, reader.status());
  return std::make_unique<NamedReader>(path, *std::move(reader));
}

}  // namespace patchbay
