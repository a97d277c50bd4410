#include "host/engine/jobs/sqlite_database.h"

#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

absl::StatusCode CodeOf(int sqlite_code) {
  switch (sqlite_code & 0xff) {
    case SQLITE_CONSTRAINT:
      return absl::StatusCode::kAlreadyExists;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::StatusCode::kFailedPrecondition;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return absl::StatusCode::kPermissionDenied;
    default:
      return absl::StatusCode::kInternal;
  }
}

int Bind(sqlite3_stmt* statement, int position, const SqliteValue& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) {
    return sqlite3_bind_int64(statement, position, *number);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    return sqlite3_bind_text64(statement, position, text->data(), text->size(), SQLITE_TRANSIENT,
                               SQLITE_UTF8);
  }
  return sqlite3_bind_null(statement, position);
}

}  // namespace

bool SqliteRow::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

int64_t SqliteRow::number(int column) const { return sqlite3_column_int64(statement_, column); }

std::string SqliteRow::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (bytes == nullptr) return {};
  return std::string(bytes, static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
}

void SqliteDatabase::Close::operator()(sqlite3* connection) const { sqlite3_close(connection); }

absl::StatusOr<SqliteDatabase> SqliteDatabase::Open(const std::string& path) {
  sqlite3* connection = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &connection,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  SqliteDatabase database(connection);
  if (code != SQLITE_OK) return database.Error(code, absl::StrCat("cannot open ", path));
  sqlite3_busy_timeout(connection, 2000);
  // Exclusive before the log is opened: SQLite then needs no shared memory, and a second process is
  // refused. The write makes it take the lock now.
  const absl::Status status = database.Execute(
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
      "PRAGMA foreign_keys=ON; BEGIN IMMEDIATE; COMMIT;");
  if (absl::IsFailedPrecondition(status)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is in use by another process; a data folder serves one at a time"));
  }
  PATCHBAY_RETURN_IF_ERROR(status);
  return database;
}

absl::Status SqliteDatabase::Execute(const std::string& sql) {
  const int code = sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(code, "cannot execute a statement");
}

absl::Status SqliteDatabase::Run(std::string_view sql, const std::vector<SqliteValue>& values,
                                 const std::function<absl::Status(const SqliteRow&)>& on_row) {
  sqlite3_stmt* prepared = nullptr;
  int code = sqlite3_prepare_v2(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                &prepared, nullptr);
  const std::unique_ptr<sqlite3_stmt, Finalize> statement(prepared);
  if (code != SQLITE_OK) return Error(code, "cannot prepare a statement");
  for (size_t i = 0; i < values.size(); ++i) {
    code = Bind(prepared, static_cast<int>(i) + 1, values[i]);
    if (code != SQLITE_OK) return Error(code, "cannot bind a value");
  }
  while ((code = sqlite3_step(prepared)) == SQLITE_ROW) {
    if (on_row) PATCHBAY_RETURN_IF_ERROR(on_row(SqliteRow(prepared)));
  }
  return code == SQLITE_DONE ? absl::OkStatus() : Error(code, "cannot run a statement");
}

int64_t SqliteDatabase::last_insert_rowid() const {
  return sqlite3_last_insert_rowid(connection_.get());
}

int SqliteDatabase::changed_rows() const { return sqlite3_changes(connection_.get()); }

absl::Status SqliteDatabase::Error(int code, const std::string& doing) const {
  return absl::Status(CodeOf(code), absl::StrCat(doing, ": ", sqlite3_errmsg(connection_.get())));
}

}  // namespace patchbay
