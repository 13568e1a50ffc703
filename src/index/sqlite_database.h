#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/localized_text.h"

struct sqlite3;
struct sqlite3_stmt;

namespace oko::index {

class SqliteDatabase;

/// The error of a damaged library, with the hint to rebuild it.
class DamagedLibrary : public Error {
 public:
  explicit DamagedLibrary(const LocalizedText& message);
  /// After a check, which told what is damaged.
  static DamagedLibrary checked(const LocalizedText& message);

 private:
  DamagedLibrary(const LocalizedText& message, const LocalizedText& hint);
};

/// A prepared statement. Parameters count from 1, columns from 0. Strings and blobs of a row stand
/// until the next `step` or `reset`. All functions throw as SqliteDatabase.
class SqliteStatement {
 public:
  SqliteStatement(const SqliteDatabase& database, std::string_view sql);

  /// The values are copied.
  SqliteStatement& bind(int parameter, std::int64_t value);
  SqliteStatement& bind(int parameter, double value);
  SqliteStatement& bind(int parameter, std::string_view text);
  SqliteStatement& bind_blob(int parameter, std::string_view bytes);
  /// Not copied: must stand until the statement was run.
  SqliteStatement& bind_borrowed(int parameter, std::string_view bytes);
  /// For a function that asks for this type, a string literal. Must stand until `reset`.
  SqliteStatement& bind_pointer(int parameter, void* pointer, const char* type);

  /// True if there is a row.
  bool step();
  /// Runs a statement without rows, and makes it ready for other values.
  void run();
  void reset();

  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;
  std::string_view blob(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };

  const SqliteDatabase* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// Resets a statement at the end of a scope.
class SqliteReset {
 public:
  explicit SqliteReset(SqliteStatement& statement) : statement_(statement) {}
  ~SqliteReset() { statement_.reset(); }
  SqliteReset(const SqliteReset&) = delete;
  SqliteReset& operator=(const SqliteReset&) = delete;

 private:
  SqliteStatement& statement_;
};

/// A connection to a SQLite database in a file. Throws DamagedLibrary for a damaged file or one
/// that is no database, kBusy if another process writes for longer than 10 s, kFailed for all else,
/// such as a full disk.
class SqliteDatabase {
 public:
  enum class Access { kRead, kWrite, kCreate };

  /// Memory that a connection takes for pages of the file, at most, but in a long transaction.
  static constexpr std::size_t kCacheBytes = 16 << 20;

  SqliteDatabase(const std::filesystem::path& path, Access access);
  ~SqliteDatabase();
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  /// Runs statements without parameters; rows are ignored.
  void run(const std::string& sql);
  /// The first column of the first row; 0 if there is none.
  std::int64_t integer(std::string_view sql) const;

  std::int64_t last_id() const;
  sqlite3* handle() const { return handle_.get(); }
  const std::filesystem::path& path() const { return path_; }

  /// Throws what the last call on this connection failed with.
  [[noreturn]] void fail(int status) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };

  void open(const std::string& name, int flags);
  bool can_read() const;

  std::filesystem::path path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

/// A transaction that writes, and ends with `commit`, or is undone.
class SqliteTransaction {
 public:
  explicit SqliteTransaction(SqliteDatabase& database);
  ~SqliteTransaction();
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;

  void commit();

 private:
  SqliteDatabase& database_;
  bool is_open_ = true;
};

}  // namespace oko::index
