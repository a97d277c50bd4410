#ifndef PATCHBAY_HOST_ENGINE_JOBS_SQLITE_DATABASE_H_
#define PATCHBAY_HOST_ENGINE_JOBS_SQLITE_DATABASE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace patchbay {

// Null, a number, or a text in UTF-8.
using SqliteValue = std::variant<std::monostate, int64_t, std::string>;

// One row of a result, valid inside the callback that receives it. Columns count from 0.
class SqliteRow {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  bool is_null(int column) const;
  int64_t number(int column) const;  // 0 for null
  std::string text(int column) const;

 private:
  sqlite3_stmt* statement_;
};

// An SQLite file (https://www.sqlite.org/c3ref/intro.html) with Status in place of codes. One
// thread at a time.
class SqliteDatabase {
 public:
  // Opens or makes the file for this process alone, with a write-ahead log and a flush to disk at
  // each commit. FAILED_PRECONDITION when another process has it.
  static absl::StatusOr<SqliteDatabase> Open(const std::string& path);

  // Statements without parameters, separated by ";".
  absl::Status Execute(const std::string& sql);
  // One statement with `?` for each of the values; `on_row` is called for each row of the result.
  // ALREADY_EXISTS when a uniqueness rule forbids it, RESOURCE_EXHAUSTED when the disk is full.
  absl::Status Run(std::string_view sql, const std::vector<SqliteValue>& values,
                   const std::function<absl::Status(const SqliteRow&)>& on_row = nullptr);

  int64_t last_insert_rowid() const;
  int changed_rows() const;

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  explicit SqliteDatabase(sqlite3* connection) : connection_(connection) {}
  absl::Status Error(int code, const std::string& doing) const;

  std::unique_ptr<sqlite3, Close> connection_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_SQLITE_DATABASE_H_
