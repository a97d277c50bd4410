#ifndef PATCHBAY_HOST_ENGINE_JOBS_JOB_JOURNAL_H_
#define PATCHBAY_HOST_ENGINE_JOBS_JOB_JOURNAL_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "host/engine/jobs/job.h"
#include "host/engine/jobs/sqlite_database.h"

namespace patchbay {

// Which jobs to list; the newest come first.
struct JobListQuery {
  int limit = 50;
  int64_t before_number = 0;     // only jobs accepted before this one; 0: from the newest
  std::vector<JobState> states;  // empty: all
  // Of what the jobs take on disk together. A page has at least one job, whatever its size.
  size_t max_bytes = size_t{2} << 20;
};

struct JobPage {
  std::vector<Job> jobs;
  bool more = false;  // older ones follow
};

// Keeps jobs on disk (SQLite, write-ahead log, every commit flushed), so that an accepted job
// outlives the process. The order of calls for one job is Accept, then Start, then Finish; after
// Start and no Finish the job was interrupted. Any thread.
class JobJournal {
 public:
  // Opens or makes the file. FAILED_PRECONDITION when another process has it open or when it was
  // written by a newer version.
  static absl::StatusOr<std::unique_ptr<JobJournal>> Open(const std::string& path);

  // Once this returns OK the job survives a crash of the process and of the machine. Fills in
  // `job.number`.
  absl::Status Accept(Job& job, std::string_view fingerprint);
  // Drawing begins (again).
  absl::Status Start(const Job& job);
  // Somebody wants the job's end. Whatever becomes of the process, no later one draws it. Changes
  // nothing of a job that has ended or is not there.
  absl::Status RequestCancel(std::string_view id);
  // The job has reached its final state.
  absl::Status Finish(const Job& job);

  struct Accepted {
    Job job;
    std::string fingerprint;
  };
  // The job that a request_id made, if any.
  absl::StatusOr<std::optional<Accepted>> FindRequest(std::string_view request_id) const;
  // NOT_FOUND.
  absl::StatusOr<Job> Get(std::string_view id) const;
  absl::StatusOr<JobPage> List(const JobListQuery& query) const;
  // Jobs without a final state, in order of acceptance.
  absl::StatusOr<std::vector<Job>> Unfinished() const;

  // Forgets final jobs but for the newest `keep`. Returns how many went.
  absl::StatusOr<int> Prune(int64_t keep);
  // Artifacts that jobs name, as input or result.
  absl::StatusOr<std::set<std::string>> UsedArtifacts() const;

 private:
  explicit JobJournal(SqliteDatabase database) : database_(std::move(database)) {}
  absl::StatusOr<std::vector<Job>> Select(const std::string& sql,
                                          const std::vector<SqliteValue>& values) const;

  mutable std::mutex mutex_;
  mutable SqliteDatabase database_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_JOB_JOURNAL_H_
