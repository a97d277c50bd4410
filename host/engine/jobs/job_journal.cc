#include "host/engine/jobs/job_journal.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/status_macros.h"
#include "host/engine/jobs/error_reason.h"
#include "host/engine/jobs/job_json.h"

namespace patchbay {
namespace {

constexpr int kVersion = 2;

constexpr char kSchema[] = R"(
  CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    request_id TEXT UNIQUE,
    fingerprint TEXT NOT NULL,
    state INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    start_time INTEGER,
    finish_time INTEGER,
    attempts INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    request TEXT NOT NULL,
    result TEXT,
    error TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, number);
)";

// Brings a file of version 1 up to this one.
constexpr char kFromVersion1[] =
    "BEGIN; ALTER TABLE jobs ADD COLUMN cancel_requested INTEGER NOT NULL DEFAULT 0; "
    "PRAGMA user_version = 2; COMMIT;";

constexpr char kColumns[] =
    "SELECT id, number, state, priority, create_time, start_time, finish_time, attempts, "
    "last_sequence, request, result, error, request_id, fingerprint, cancel_requested FROM jobs ";

SqliteValue TimeValue(const std::optional<absl::Time>& time) {
  if (!time.has_value()) return std::monostate();
  return absl::ToUnixMicros(*time);
}

std::optional<absl::Time> TimeIn(const SqliteRow& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return absl::FromUnixMicros(row.number(column));
}

absl::StatusOr<Job> JobIn(const SqliteRow& row) {
  Job job;
  job.id = row.text(0);
  job.number = row.number(1);
  job.state = static_cast<JobState>(row.number(2));
  job.priority = static_cast<int>(row.number(3));
  job.create_time = absl::FromUnixMicros(row.number(4));
  job.start_time = TimeIn(row, 5);
  job.finish_time = TimeIn(row, 6);
  job.attempts = static_cast<int>(row.number(7));
  job.last_sequence = static_cast<uint64_t>(row.number(8));
  PATCHBAY_ASSIGN_OR_RETURN(job.request, ParseJobRequest(row.text(9)));
  if (!row.is_null(10)) {
    PATCHBAY_ASSIGN_OR_RETURN(job.result, ParseJobResult(row.text(10)));
  }
  if (!row.is_null(11)) PATCHBAY_RETURN_IF_ERROR(ParseJobError(row.text(11), job.error));
  job.request_id = row.text(12);
  job.cancel_requested = row.number(14) != 0;
  return job;
}

int64_t Number(uint64_t value) { return static_cast<int64_t>(value); }
int64_t Number(JobState state) { return static_cast<int64_t>(state); }

}  // namespace

absl::StatusOr<std::unique_ptr<JobJournal>> JobJournal::Open(const std::string& path) {
  PATCHBAY_ASSIGN_OR_RETURN(SqliteDatabase database, SqliteDatabase::Open(path));
  int64_t version = 0;
  PATCHBAY_RETURN_IF_ERROR(
      database.Run("PRAGMA user_version", {}, [&version](const SqliteRow& row) {
        version = row.number(0);
        return absl::OkStatus();
      }));
  if (version > kVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, " was written by a newer version of Patchbay; use that, or another data folder"));
  }
  if (version == 1) PATCHBAY_RETURN_IF_ERROR(database.Execute(kFromVersion1));
  PATCHBAY_RETURN_IF_ERROR(
      database.Execute(absl::StrCat(kSchema, "PRAGMA user_version = ", kVersion, ";")));
  return absl::WrapUnique(new JobJournal(std::move(database)));
}

absl::Status JobJournal::Accept(Job& job, std::string_view fingerprint) {
  const std::lock_guard lock(mutex_);
  SqliteValue request_id;
  if (!job.request_id.empty()) request_id = job.request_id;
  PATCHBAY_RETURN_IF_ERROR(database_.Run(
      "INSERT INTO jobs (id, request_id, fingerprint, state, priority, create_time, attempts, "
      "last_sequence, request) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)",
      {job.id, request_id, std::string(fingerprint), Number(job.state), int64_t{job.priority},
       TimeValue(job.create_time), Number(job.last_sequence), JobRequestJson(job.request)}));
  job.number = database_.last_insert_rowid();
  return absl::OkStatus();
}

absl::Status JobJournal::Start(const Job& job) {
  const std::lock_guard lock(mutex_);
  return database_.Run(
      "UPDATE jobs SET state = ?, start_time = ?, attempts = ?, last_sequence = ? WHERE id = ?",
      {Number(job.state), TimeValue(job.start_time), int64_t{job.attempts},
       Number(job.last_sequence), job.id});
}

absl::Status JobJournal::RequestCancel(std::string_view id) {
  const std::lock_guard lock(mutex_);
  return database_.Run("UPDATE jobs SET cancel_requested = 1 WHERE id = ? AND state IN (?, ?)",
                       {std::string(id), Number(JobState::kQueued), Number(JobState::kRunning)});
}

absl::Status JobJournal::Finish(const Job& job) {
  const std::lock_guard lock(mutex_);
  SqliteValue result;
  if (job.result.has_value()) result = JobResultJson(*job.result);
  SqliteValue error;
  if (!job.error.ok()) error = JobErrorJson(job.error);
  return database_.Run(
      "UPDATE jobs SET state = ?, finish_time = ?, last_sequence = ?, result = ?, error = ? "
      "WHERE id = ?",
      {Number(job.state), TimeValue(job.finish_time), Number(job.last_sequence), result, error,
       job.id});
}

absl::StatusOr<std::vector<Job>> JobJournal::Select(const std::string& sql,
                                                    const std::vector<SqliteValue>& values) const {
  std::vector<Job> jobs;
  const std::lock_guard lock(mutex_);
  PATCHBAY_RETURN_IF_ERROR(
      database_.Run(absl::StrCat(kColumns, sql), values, [&jobs](const SqliteRow& row) {
        PATCHBAY_ASSIGN_OR_RETURN(Job job, JobIn(row));
        jobs.push_back(std::move(job));
        return absl::OkStatus();
      }));
  return jobs;
}

absl::StatusOr<std::optional<JobJournal::Accepted>> JobJournal::FindRequest(
    std::string_view request_id) const {
  std::optional<Accepted> found;
  const std::lock_guard lock(mutex_);
  PATCHBAY_RETURN_IF_ERROR(database_.Run(absl::StrCat(kColumns, "WHERE request_id = ?"),
                                         {std::string(request_id)}, [&found](const SqliteRow& row) {
                                           PATCHBAY_ASSIGN_OR_RETURN(Job job, JobIn(row));
                                           found = Accepted{std::move(job), row.text(13)};
                                           return absl::OkStatus();
                                         }));
  return found;
}

absl::StatusOr<Job> JobJournal::Get(std::string_view id) const {
  PATCHBAY_ASSIGN_OR_RETURN(std::vector<Job> jobs, Select("WHERE id = ?", {std::string(id)}));
  if (!jobs.empty()) return std::move(jobs.front());
  const std::string shown(id.substr(0, 80));
  return WithDetails(
      absl::NotFoundError(absl::StrCat("there is no generation \"", shown, "\"")),
      {std::string(error_reason::kGenerationNotFound), {{"generation", shown}}, std::nullopt});
}

absl::StatusOr<JobPage> JobJournal::List(const JobListQuery& query) const {
  std::vector<std::string> conditions = {"1"};
  if (query.before_number > 0) {
    conditions.push_back(absl::StrCat("number < ", query.before_number));
  }
  if (!query.states.empty()) {
    conditions.push_back(absl::StrCat("state IN (",
                                      absl::StrJoin(query.states, ", ",
                                                    [](std::string* out, JobState state) {
                                                      absl::StrAppend(out, static_cast<int>(state));
                                                    }),
                                      ")"));
  }
  JobPage page;
  size_t bytes = 0;
  const std::lock_guard lock(mutex_);
  // One more than asked for tells whether there is another page.
  const absl::Status status =
      database_.Run(absl::StrCat(kColumns, "WHERE ", absl::StrJoin(conditions, " AND "),
                                 " ORDER BY number DESC LIMIT ?"),
                    {int64_t{query.limit} + 1}, [&](const SqliteRow& row) -> absl::Status {
                      bytes += row.text(9).size() + row.text(10).size() + row.text(11).size();
                      page.more = page.jobs.size() == static_cast<size_t>(query.limit) ||
                                  (!page.jobs.empty() && bytes > query.max_bytes);
                      if (page.more) return absl::CancelledError("the page is full");
                      PATCHBAY_ASSIGN_OR_RETURN(Job job, JobIn(row));
                      page.jobs.push_back(std::move(job));
                      return absl::OkStatus();
                    });
  if (!status.ok() && !page.more) return status;
  return page;
}

absl::StatusOr<std::vector<Job>> JobJournal::Unfinished() const {
  return Select("WHERE state IN (?, ?) ORDER BY number",
                {Number(JobState::kQueued), Number(JobState::kRunning)});
}

absl::StatusOr<int> JobJournal::Prune(int64_t keep) {
  const std::lock_guard lock(mutex_);
  PATCHBAY_RETURN_IF_ERROR(database_.Run(
      "DELETE FROM jobs WHERE state NOT IN (?, ?) AND number <= (SELECT number FROM jobs WHERE "
      "state NOT IN (?, ?) ORDER BY number DESC LIMIT 1 OFFSET ?)",
      {Number(JobState::kQueued), Number(JobState::kRunning), Number(JobState::kQueued),
       Number(JobState::kRunning), keep}));
  return database_.changed_rows();
}

absl::StatusOr<std::set<std::string>> JobJournal::UsedArtifacts() const {
  std::set<std::string> used;
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<Job> jobs, Select("", {}));
  for (const Job& job : jobs) {
    const JobRequest& request = job.request;
    used.insert({request.image_artifact_id, request.mask_artifact_id,
                 request.initial_latent_artifact_id, request.start_latent_artifact_id});
    for (const JobLora& lora : request.loras) used.insert(lora.artifact_id);
    for (const auto* files :
         {&request.embeddings, &request.wildcards, &request.prompt_loras, &request.plugin_files}) {
      for (const NamedArtifact& file : *files) used.insert(file.artifact_id);
    }
    if (!job.result.has_value()) continue;
    used.insert(job.result->latent_artifact_id);
    for (const Artifact& picture : job.result->pictures) used.insert(picture.id);
  }
  return used;
}

}  // namespace patchbay
