#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <random>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "host/base/file_writer.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"
#include "host/formats/frame_readers.h"
#include "host/formats/frame_writers.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr int kMostNamesTried = 100;

bool IsPictureName(const fs::path& path) {
  const std::string suffix = absl::AsciiStrToLower(path.extension().string());
  return path.filename().string().front() != '.' &&
         (suffix == ".png" || suffix == ".jpg" || suffix == ".jpeg" || suffix == ".webp");
}

// One that would be missing between the others.
bool IsOtherPictureName(const fs::path& path) {
  const std::string suffix = absl::AsciiStrToLower(path.extension().string());
  for (const char* const other :
       {".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".jxl", ".exr", ".tga", ".ppm"}) {
    if (suffix == other) return path.filename().string().front() != '.';
  }
  return false;
}

// Numbers in names count as numbers: frame-9 comes before frame-10.
bool ComesBefore(const std::string& a, const std::string& b) {
  const auto is_digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    while (i < a.size() && a[i] == '0') ++i;
    while (j < b.size() && b[j] == '0') ++j;
    const size_t a_begin = i;
    const size_t b_begin = j;
    while (i < a.size() && is_digit(a[i])) ++i;
    while (j < b.size() && is_digit(b[j])) ++j;
    if (i - a_begin != j - b_begin) return i - a_begin < j - b_begin;
    const int order = a.compare(a_begin, i - a_begin, b, b_begin, j - b_begin);
    if (order != 0) return order < 0;
  }
  if (a.size() - i != b.size() - j) return a.size() - i < b.size() - j;
  return a < b;
}

absl::StatusOr<std::vector<std::string>> PicturesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::string unread;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored) && IsPictureName(entry->path())) {
      names.push_back(entry->path().filename().string());
    } else if (unread.empty() && IsOtherPictureName(entry->path())) {
      unread = entry->path().filename().string();
    }
  }
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot read ", folder));
  if (!unread.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the folder ", folder, " has ", unread,
                     ", and frames are read from PNG, JPEG and WebP files; convert it, or take it "
                     "out of the folder"));
  }
  if (names.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("there are no PNG, JPEG or WebP files in the folder ", folder));
  }
  std::sort(names.begin(), names.end(), ComesBefore);
  return names;
}

class FolderReader final : public FrameReader {
 public:
  FolderReader(std::string folder, std::vector<std::string> names, const PictureLimits& limits)
      : folder_(std::move(folder)), names_(std::move(names)), limits_(limits) {}

  // The first picture's size is the clip's.
  absl::Status ReadFirst() {
    PATCHBAY_ASSIGN_OR_RETURN(first_, Read(0));
    info_ = {first_->width, first_->height, {}, static_cast<int64_t>(names_.size()), false};
    return absl::OkStatus();
  }

  const ClipInfo& info() const override { return info_; }

  absl::StatusOr<std::optional<Picture>> Next() override {
    if (next_ == names_.size()) return std::nullopt;
    if (next_++ == 0) return std::exchange(first_, std::nullopt);
    absl::StatusOr<Picture> picture = Read(next_ - 1);
    if (picture.ok() && (picture->width != info_.width || picture->height != info_.height)) {
      picture = absl::InvalidArgumentError(
          absl::StrCat("frame ", next_, " (", names_[next_ - 1], ") is ", picture->width, "x",
                       picture->height, ", and those before it ", info_.width, "x", info_.height,
                       "; the frames of a clip must be of one size"));
    }
    if (picture.ok()) return *std::move(picture);
    next_ = names_.size();
    return picture.status();
  }

 private:
  absl::StatusOr<Picture> Read(size_t i) const {
    PATCHBAY_ASSIGN_OR_RETURN(const auto file,
                              MappedFile::Open((fs::path(folder_) / names_[i]).string()));
    absl::StatusOr<Picture> picture = DecodePicture(file->bytes(), limits_);
    if (picture.ok()) return picture;
    return absl::InvalidArgumentError(
        absl::StrCat("frame ", i + 1, " (", names_[i], "): ", picture.status().message()));
  }

  const std::string folder_;
  const std::vector<std::string> names_;
  const PictureLimits limits_;
  ClipInfo info_;
  std::optional<Picture> first_;
  size_t next_ = 0;
};

// Fills a folder of another name beside its place.
class FolderWriter final : public FrameWriter {
 public:
  FolderWriter(fs::path target, fs::path temporary, ClipPlan plan)
      : target_(std::move(target)), temporary_(std::move(temporary)), plan_(std::move(plan)) {}
  FolderWriter(const FolderWriter&) = delete;
  FolderWriter& operator=(const FolderWriter&) = delete;
  ~FolderWriter() override {
    std::error_code ignored;
    if (!is_finished_) fs::remove_all(temporary_, ignored);
  }

  absl::Status Add(const Picture& frame) override {
    PATCHBAY_RETURN_IF_ERROR(CheckFrame(frame, plan_));
    PATCHBAY_ASSIGN_OR_RETURN(const std::string png, EncodePng(frame));
    const std::string name = absl::StrFormat("%06d.png", ++frames_);
    return WriteFileAtomically((temporary_ / name).string(), {png});
  }

  absl::StatusOr<std::vector<std::string>> Finish() override {
    // Takes the place of an empty folder too.
    if (rename(temporary_.c_str(), target_.c_str()) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot make the folder ", target_.string()));
    }
    is_finished_ = true;
    return std::vector<std::string>();
  }

 private:
  const fs::path target_;
  const fs::path temporary_;
  const ClipPlan plan_;
  int frames_ = 0;
  bool is_finished_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FrameReader>> OpenFrameFolder(const std::string& folder,
                                                             const PictureLimits& limits) {
  PATCHBAY_ASSIGN_OR_RETURN(std::vector<std::string> names, PicturesIn(folder));
  auto reader = std::make_unique<FolderReader>(folder, std::move(names), limits);
  PATCHBAY_RETURN_IF_ERROR(reader->ReadFirst());
  return reader;
}

absl::StatusOr<std::unique_ptr<FrameWriter>> CreateFrameFolder(const std::string& path,
                                                               const ClipPlan& plan) {
  fs::path target(path);
  if (!target.has_filename()) target = target.parent_path();
  std::error_code error;
  if (fs::exists(target, error) &&
      !(fs::is_directory(target, error) && fs::is_empty(target, error))) {
    return absl::AlreadyExistsError(
        absl::StrCat(target.string(), " is there already; name a new or an empty folder"));
  }
  std::random_device random;
  for (int i = 0; i < kMostNamesTried; ++i) {
    fs::path temporary = target.parent_path() / absl::StrFormat(".%08x.partial", random());
    if (mkdir(temporary.c_str(), 0777) == 0) {
      return std::make_unique<FolderWriter>(std::move(target), std::move(temporary), plan);
    }
    if (errno != EEXIST) break;
  }
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot make a folder beside ", target.string()));
}

}  // namespace patchbay
