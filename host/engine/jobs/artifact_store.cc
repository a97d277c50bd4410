#include "host/engine/jobs/artifact_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"
#include "host/engine/jobs/error_reason.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr char kUnfinished[] = "unfinished";
// After a file's name: an empty file that was changed when the other was last asked for. Its own
// times tell those who have it open whether it has been changed.
constexpr char kAskedFor[] = ".asked-for";

absl::Status Failed(const std::error_code& error, const char* doing, const std::string& path) {
  return absl::ErrnoToStatus(error.value(), absl::StrCat(doing, " ", path));
}

// A rename is on disk once its folder is.
void FlushFolder(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

void SayAskedFor(const std::string& path) {
  const int descriptor =
      open(absl::StrCat(path, kAskedFor).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return;  // then it is as old as it was
  futimens(descriptor, nullptr);
  close(descriptor);
}

// When the file was stored or asked for.
absl::Time LastAskedFor(const std::string& path, const struct stat& status) {
  const absl::Time stored = absl::TimeFromTimespec(status.st_mtim);
  struct stat asked {};
  if (stat(absl::StrCat(path, kAskedFor).c_str(), &asked) != 0) return stored;
  return std::max(stored, absl::TimeFromTimespec(asked.st_mtim));
}

absl::Status Unknown(std::string_view id) {
  const std::string shown(id.substr(0, 80));
  return WithDetails(
      absl::NotFoundError(absl::StrCat("there is no artifact \"", shown, "\"; upload it first")),
      {std::string(error_reason::kArtifactNotFound), {{"artifact", shown}}, std::nullopt});
}

absl::Status TooMuch(std::string_view reason, std::string message) {
  return WithReason(absl::ResourceExhaustedError(std::move(message)), reason);
}

}  // namespace

ArtifactWriter::ArtifactWriter(ArtifactStore& store, int descriptor, std::string path,
                               uint64_t size)
    : store_(store), descriptor_(descriptor), path_(std::move(path)), announced_bytes_(size) {}

ArtifactWriter::~ArtifactWriter() {
  if (descriptor_ >= 0) close(descriptor_);
  if (path_.empty()) return;
  unlink(path_.c_str());
  store_.Release(written_bytes_);
}

absl::Status ArtifactWriter::Append(std::string_view bytes) {
  if (bytes.size() > announced_bytes_ - written_bytes_) {
    return absl::InvalidArgumentError(absl::StrCat("more bytes came than the ", announced_bytes_,
                                                   " that were announced for the artifact"));
  }
  PATCHBAY_RETURN_IF_ERROR(store_.Reserve(bytes.size()));
  digest_.Update(bytes);
  written_bytes_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return absl::ErrnoToStatus(errno, "cannot write the artifact");
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<Artifact> ArtifactWriter::Finish(std::string_view expected_id) {
  if (written_bytes_ != announced_bytes_) {
    return absl::InvalidArgumentError(absl::StrCat("the artifact ended after ", written_bytes_,
                                                   " of the ", announced_bytes_,
                                                   " bytes that were announced"));
  }
  std::string id = digest_.Finish();
  if (!expected_id.empty() && expected_id != id) {
    return WithReason(absl::InvalidArgumentError(absl::StrCat(
                          "the artifact's SHA-256 is ", id,
                          " and not the one that was announced; it was damaged on its way")),
                      error_reason::kArtifactDamaged);
  }
  if (fsync(descriptor_) != 0) return absl::ErrnoToStatus(errno, "cannot flush the artifact");
  return store_.Place(*this, std::move(id));
}

absl::StatusOr<std::unique_ptr<ArtifactStore>> ArtifactStore::Open(const std::string& folder,
                                                                   const ArtifactLimits& limits) {
  std::error_code error;
  fs::remove_all(fs::path(folder) / kUnfinished, error);
  fs::create_directories(fs::path(folder) / kUnfinished, error);
  if (error) return Failed(error, "cannot make the folder", folder);
  auto store = absl::WrapUnique(new ArtifactStore(folder, limits));
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_regular_file(error)) store->stored_bytes_ += entry->file_size(error);
  }
  if (error) return Failed(error, "cannot read the folder", folder);
  return store;
}

absl::StatusOr<std::unique_ptr<ArtifactWriter>> ArtifactStore::Begin(uint64_t size_bytes) {
  if (size_bytes == 0) return absl::InvalidArgumentError("an artifact cannot be empty");
  if (size_bytes > limits_.max_artifact_bytes) {
    return TooMuch(error_reason::kArtifactTooLarge,
                   absl::StrCat("an artifact of ", size_bytes, " bytes is larger than the ",
                                limits_.max_artifact_bytes, " that this server takes"));
  }
  {
    const std::lock_guard lock(mutex_);
    PATCHBAY_RETURN_IF_ERROR(CheckRoom(size_bytes));
  }
  std::string path = absl::StrCat(folder_, "/", kUnfinished, "/XXXXXX");
  const int descriptor = mkostemp(path.data(), O_CLOEXEC);
  if (descriptor < 0) {
    return absl::ErrnoToStatus(errno, "cannot write into the store of artifacts");
  }
  return absl::WrapUnique(new ArtifactWriter(*this, descriptor, std::move(path), size_bytes));
}

absl::StatusOr<Artifact> ArtifactStore::Put(std::string_view bytes) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::unique_ptr<ArtifactWriter> writer, Begin(bytes.size()));
  PATCHBAY_RETURN_IF_ERROR(writer->Append(bytes));
  return writer->Finish();
}

std::string ArtifactStore::FinalPath(std::string_view id) const {
  return absl::StrCat(folder_, "/", std::string(id.substr(0, 2)), "/", std::string(id));
}

absl::StatusOr<Artifact> ArtifactStore::Place(ArtifactWriter& writer, std::string id) {
  const std::string path = FinalPath(id);
  const std::string folder = fs::path(path).parent_path().string();
  bool was_there = false;
  {
    const std::lock_guard lock(mutex_);
    std::error_code error;
    was_there = fs::exists(path, error);
    if (was_there) {
      // The room of the second copy is given back; being asked for again makes the first one young.
      SayAskedFor(path);
      unlink(writer.path_.c_str());
      stored_bytes_ -= writer.written_bytes_;
    } else {
      fs::create_directories(folder, error);
      if (error) return Failed(error, "cannot make a folder for the artifact", id);
      fs::rename(writer.path_, path, error);
      if (error) return Failed(error, "cannot store the artifact", id);
    }
    writer.path_.clear();
  }
  // Also for a copy: whoever put the first one may still be waiting for this.
  FlushFolder(folder);
  return Artifact{std::move(id), writer.announced_bytes_, was_there};
}

absl::Status ArtifactStore::CheckRoom(uint64_t bytes) const {
  if (stored_bytes_ <= limits_.max_store_bytes &&
      bytes <= limits_.max_store_bytes - stored_bytes_) {
    return absl::OkStatus();
  }
  return TooMuch(error_reason::kStoreFull,
                 absl::StrCat("the store has no room for ", bytes, " bytes: it holds ",
                              stored_bytes_, " of ", limits_.max_store_bytes));
}

absl::Status ArtifactStore::Reserve(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  PATCHBAY_RETURN_IF_ERROR(CheckRoom(bytes));
  stored_bytes_ += bytes;
  return absl::OkStatus();
}

void ArtifactStore::Release(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  stored_bytes_ -= bytes;
}

absl::StatusOr<Artifact> ArtifactStore::Find(std::string_view id) const {
  if (!IsSha256(id)) return Unknown(id);
  const std::string path = FinalPath(id);
  const std::lock_guard lock(mutex_);
  std::error_code error;
  const uint64_t size = fs::file_size(path, error);
  if (error) return Unknown(id);
  // Whoever looks is about to use it: it must not be removed as unused just then.
  SayAskedFor(path);
  return Artifact{std::string(id), size};
}

absl::StatusOr<std::string> ArtifactStore::PathOf(std::string_view id) const {
  PATCHBAY_RETURN_IF_ERROR(Find(id).status());
  return FinalPath(id);
}

absl::StatusOr<int> ArtifactStore::RemoveUnused(
    const std::function<bool(const std::string& id)>& is_used, absl::Time older_than) {
  int removed = 0;
  const std::lock_guard lock(mutex_);
  std::error_code error;
  std::vector<fs::path> candidates;
  for (fs::recursive_directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (entry->is_regular_file(error) && IsSha256(name) && !is_used(name)) {
      candidates.push_back(entry->path());
    }
  }
  if (error) return Failed(error, "cannot read the folder", folder_);
  for (const fs::path& path : candidates) {
    if (RemoveBefore(path.string(), older_than)) ++removed;
  }
  return removed;
}

void ArtifactStore::RemoveUntouched(const std::string& id, absl::Time stored) {
  if (!IsSha256(id)) return;
  const std::lock_guard lock(mutex_);
  RemoveBefore(FinalPath(id), stored);
}

bool ArtifactStore::RemoveBefore(const std::string& path, absl::Time time) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || LastAskedFor(path, status) > time) return false;
  if (unlink(path.c_str()) != 0) return false;
  unlink(absl::StrCat(path, kAskedFor).c_str());
  stored_bytes_ -= static_cast<uint64_t>(status.st_size);
  return true;
}

uint64_t ArtifactStore::stored_bytes() const {
  const std::lock_guard lock(mutex_);
  return stored_bytes_;
}

}  // namespace patchbay
