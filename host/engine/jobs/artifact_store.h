#ifndef PATCHBAY_HOST_ENGINE_JOBS_ARTIFACT_STORE_H_
#define PATCHBAY_HOST_ENGINE_JOBS_ARTIFACT_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "host/base/sha256.h"

namespace patchbay {

// A stored file. Its id is the SHA-256 of its bytes in lower-case hexadecimal digits.
struct Artifact {
  std::string id;
  uint64_t size_bytes = 0;
  bool was_there = false;  // stored before, perhaps by somebody else
};

struct ArtifactLimits {
  uint64_t max_artifact_bytes = uint64_t{8} << 30;
  uint64_t max_store_bytes = uint64_t{64} << 30;
};

class ArtifactStore;

// A file on its way into the store. One thread at a time. What was not finished leaves nothing.
class ArtifactWriter {
 public:
  ArtifactWriter(const ArtifactWriter&) = delete;
  ArtifactWriter& operator=(const ArtifactWriter&) = delete;
  ~ArtifactWriter();

  // INVALID_ARGUMENT when more comes than was announced; RESOURCE_EXHAUSTED when others have filled
  // the store in the meantime.
  absl::Status Append(std::string_view bytes);
  // Puts the file into its place, on disk. INVALID_ARGUMENT when it is shorter than announced, or
  // when `expected_id` is not empty and not what the bytes give.
  absl::StatusOr<Artifact> Finish(std::string_view expected_id = {});

 private:
  friend class ArtifactStore;
  ArtifactWriter(ArtifactStore& store, int descriptor, std::string path, uint64_t size);

  ArtifactStore& store_;
  int descriptor_;
  std::string path_;  // of the unfinished file; empty once it is in its place
  uint64_t announced_bytes_;
  uint64_t written_bytes_ = 0;
  Sha256 digest_;
};

// Files named by their content, in a folder of the server's own: what clients upload and what jobs
// make. Equal contents are kept once. A file appears under its name only when it is complete and on
// disk. No text of a request becomes part of a path unless it is a well-formed id. Any thread.
class ArtifactStore {
 public:
  // Makes the folder if needed and removes unfinished files that a former process left.
  static absl::StatusOr<std::unique_ptr<ArtifactStore>> Open(const std::string& folder,
                                                             const ArtifactLimits& limits = {});

  // Begins a file of `size_bytes`. INVALID_ARGUMENT for 0, RESOURCE_EXHAUSTED when it is larger
  // than an artifact or the store may become. It takes room as its bytes come, not before: whoever
  // announces much and sends nothing keeps nobody out. The store must outlive the writer.
  absl::StatusOr<std::unique_ptr<ArtifactWriter>> Begin(uint64_t size_bytes);
  absl::StatusOr<Artifact> Put(std::string_view bytes);

  // NOT_FOUND for an id that is not well-formed or not there.
  absl::StatusOr<Artifact> Find(std::string_view id) const;
  // Where the file lies; it is never changed, nor are the times of its content and status, so that
  // MappedFile::CheckUnchanged() holds. NOT_FOUND as above.
  absl::StatusOr<std::string> PathOf(std::string_view id) const;

  // Removes files for which `is_used` says no and that were stored or asked for again before
  // `older_than`. Returns how many.
  absl::StatusOr<int> RemoveUnused(const std::function<bool(const std::string& id)>& is_used,
                                   absl::Time older_than);

  // For what only the caller knows of, and no longer needs: removes a file unless it was stored or
  // asked for again after `stored`, when the caller's Put() had come back. One that is not there is
  // no error.
  void RemoveUntouched(const std::string& id, absl::Time stored);

  uint64_t stored_bytes() const;

 private:
  friend class ArtifactWriter;
  ArtifactStore(std::string folder, const ArtifactLimits& limits)
      : folder_(std::move(folder)), limits_(limits) {}

  std::string FinalPath(std::string_view id) const;
  absl::StatusOr<Artifact> Place(ArtifactWriter& writer, std::string id);
  absl::Status CheckRoom(uint64_t bytes) const;                 // mutex_ held
  bool RemoveBefore(const std::string& path, absl::Time time);  // mutex_ held
  absl::Status Reserve(uint64_t bytes);
  void Release(uint64_t bytes);

  const std::string folder_;
  const ArtifactLimits limits_;
  mutable std::mutex mutex_;
  uint64_t stored_bytes_ = 0;  // finished files and what has come of unfinished ones
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_ARTIFACT_STORE_H_
