#include "index/sqlite_database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <system_error>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/system_reason.h"

namespace oko::index {
namespace {

/// The bytes of a view; a null pointer would be SQL's NULL.
const char* start_of(std::string_view bytes) {
  return bytes.empty() ? "" : bytes.data();
}

constexpr int kBusyTimeoutMs = 10'000;

/// The path in an address that SQLite takes.
std::string uri_of(const std::filesystem::path& path) {
  std::string uri;
  for (const char c : std::filesystem::absolute(path).string()) {
    if (c == '%' || c == '?' || c == '#') {
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    } else {
      uri += c;
    }
  }
  return uri;
}

/// True if there are changes that are not in the database's own file yet.
bool has_journal(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path.string() + "-wal", error);
  return !error && size > 0;
}

/// The reason of the system if there is one, else SQLite's own words.
LocalizedText reason_of(sqlite3* handle, int status) {
  const int error = handle == nullptr ? 0 : ::sqlite3_system_errno(handle);
  if (error != 0 && (status == SQLITE_IOERR || status == SQLITE_CANTOPEN)) {
    return system_reason(error);
  }
  return handle == nullptr ? ::sqlite3_errstr(status) : ::sqlite3_errmsg(handle);
}

/// The kind of an error. A full disk has several: SQLite's files beside the database are mapped.
int kind_of(sqlite3* handle, int status) {
  const int error = handle == nullptr ? 0 : ::sqlite3_system_errno(handle);
  const bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return (status & 0xff) == SQLITE_IOERR && is_full ? SQLITE_FULL : status & 0xff;
}

[[noreturn]] void fail_with(const std::filesystem::path& path, sqlite3* handle, int status) {
  const int primary = kind_of(handle, status);
  const std::string name = path.string();
  switch (primary) {
    case SQLITE_CORRUPT:
      throw DamagedLibrary(tr("{}: the library is damaged: its parts do not fit together",
                              "{}: библиотека повреждена: её части не подходят друг к другу",
                              name));
    case SQLITE_NOTADB:
      throw DamagedLibrary(tr("{}: the library is damaged, or is not a library of oko",
                              "{}: библиотека повреждена, или это не библиотека oko", name));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(ErrorCode::kBusy,
                  tr("{}: another process writes to the library",
                     "{}: в библиотеку пишет другой процесс", name),
                  tr("wait until it is done", "дождитесь его окончания"));
    case SQLITE_FULL:
      throw Error(ErrorCode::kFailed, tr("{}: the disk is full", "{}: диск заполнен", name),
                  tr("free some space; what was done before stays, and the same command goes on",
                     "освободите место; сделанное сохранено, и та же команда продолжит"));
    case SQLITE_CANTOPEN:
      throw Error(ErrorCode::kFailed,
                  tr("{}: the library, or a file beside it, cannot be opened or made: {}",
                     "{}: библиотека или файл рядом с ней не открывается или не создаётся: {}",
                     name, reason_of(handle, primary)),
                  tr("check the permissions of its folder, and the space on the disk",
                     "проверьте права на её папку и место на диске"));
    case SQLITE_NOMEM:
      throw std::bad_alloc();
    default:
      throw Error(ErrorCode::kFailed, tr("{}: the library failed: {}", "{}: сбой библиотеки: {}",
                                         name, reason_of(handle, primary)));
  }
}

}  // namespace

DamagedLibrary::DamagedLibrary(const LocalizedText& message)
    : DamagedLibrary(
          message,
          tr("oko index --rebuild makes it anew from your files and keeps this one; oko index "
             "--check tells what is damaged",
             "oko index --rebuild создаст её заново из ваших файлов и сохранит эту; oko index "
             "--check скажет, что повреждено")) {}

DamagedLibrary::DamagedLibrary(const LocalizedText& message, const LocalizedText& hint)
    : Error(ErrorCode::kBadInput, message, hint) {}

DamagedLibrary DamagedLibrary::checked(const LocalizedText& message) {
  return {message, tr("oko index --rebuild makes it anew from your files and keeps this one",
                      "oko index --rebuild создаст её заново из ваших файлов и сохранит эту")};
}

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const {
  ::sqlite3_finalize(statement);
}

SqliteStatement::SqliteStatement(const SqliteDatabase& database, std::string_view sql)
    : database_(&database) {
  sqlite3_stmt* statement = nullptr;
  const int status =
      ::sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (status != SQLITE_OK) database.fail(status);
  statement_.reset(statement);
}

SqliteStatement& SqliteStatement::bind(int parameter, std::int64_t value) {
  const int status = ::sqlite3_bind_int64(statement_.get(), parameter, value);
  if (status != SQLITE_OK) database_->fail(status);
  return *this;
}

SqliteStatement& SqliteStatement::bind(int parameter, double value) {
  const int status = ::sqlite3_bind_double(statement_.get(), parameter, value);
  if (status != SQLITE_OK) database_->fail(status);
  return *this;
}

SqliteStatement& SqliteStatement::bind(int parameter, std::string_view text) {
  const int status = ::sqlite3_bind_text64(statement_.get(), parameter, start_of(text), text.size(),
                                           SQLITE_TRANSIENT, SQLITE_UTF8);
  if (status != SQLITE_OK) database_->fail(status);
  return *this;
}

SqliteStatement& SqliteStatement::bind_blob(int parameter, std::string_view bytes) {
  const int status = ::sqlite3_bind_blob64(statement_.get(), parameter, start_of(bytes),
                                           bytes.size(), SQLITE_TRANSIENT);
  if (status != SQLITE_OK) database_->fail(status);
  return *this;
}

SqliteStatement& SqliteStatement::bind_borrowed(int parameter, std::string_view bytes) {
  const int status = ::sqlite3_bind_blob64(statement_.get(), parameter, start_of(bytes),
                                           bytes.size(), SQLITE_STATIC);
  if (status != SQLITE_OK) database_->fail(status);
  return *this;
}

SqliteStatement& SqliteStatement::bind_pointer(int parameter, void* pointer, const char* type) {
  const int status = ::sqlite3_bind_pointer(statement_.get(), parameter, pointer, type, nullptr);
  if (status != SQLITE_OK) database_->fail(status);
  return *this;
}

bool SqliteStatement::step() {
  const int status = ::sqlite3_step(statement_.get());
  if (status == SQLITE_ROW) return true;
  if (status != SQLITE_DONE) {
    ::sqlite3_reset(statement_.get());  // the message of the connection stays
    database_->fail(status);
  }
  return false;
}

void SqliteStatement::run() {
  while (step()) {
  }
  reset();
}

void SqliteStatement::reset() {
  ::sqlite3_reset(statement_.get());
}

std::int64_t SqliteStatement::integer(int column) const {
  return ::sqlite3_column_int64(statement_.get(), column);
}

double SqliteStatement::real(int column) const {
  return ::sqlite3_column_double(statement_.get(), column);
}

std::string_view SqliteStatement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(::sqlite3_column_text(statement_.get(), column));
  const auto size = static_cast<std::size_t>(::sqlite3_column_bytes(statement_.get(), column));
  return text == nullptr ? std::string_view{} : std::string_view{text, size};
}

std::string_view SqliteStatement::blob(int column) const {
  const auto* bytes = static_cast<const char*>(::sqlite3_column_blob(statement_.get(), column));
  const auto size = static_cast<std::size_t>(::sqlite3_column_bytes(statement_.get(), column));
  return bytes == nullptr ? std::string_view{} : std::string_view{bytes, size};
}

void SqliteDatabase::Close::operator()(sqlite3* handle) const {
  ::sqlite3_close_v2(handle);
}

SqliteDatabase::SqliteDatabase(const std::filesystem::path& path, Access access) : path_(path) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= access == Access::kRead ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (access == Access::kCreate) flags |= SQLITE_OPEN_CREATE;
  open(path.string(), flags);
  if (access == Access::kRead && !can_read() && !has_journal(path)) {
    // A folder that nobody writes to: SQLite cannot make its files beside the database.
    open("file:" + uri_of(path) + "?immutable=1", flags | SQLITE_OPEN_URI);
  }
  run(fmt::format("PRAGMA cache_size = -{}", kCacheBytes / 1024));
}

void SqliteDatabase::open(const std::string& name, int flags) {
  sqlite3* handle = nullptr;
  const int status = ::sqlite3_open_v2(name.c_str(), &handle, flags, nullptr);
  handle_.reset(handle);
  if (status != SQLITE_OK) fail_with(path_, handle, status);
  ::sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  // The schema of a file that somebody else made must not call functions.
  ::sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  ::sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
}

/// False if the files beside the database cannot be made.
bool SqliteDatabase::can_read() const {
  const int status = ::sqlite3_exec(handle_.get(), "SELECT 1 FROM sqlite_schema LIMIT 1", nullptr,
                                    nullptr, nullptr);
  const int primary = status & 0xff;
  return primary != SQLITE_READONLY && primary != SQLITE_CANTOPEN;
}

SqliteDatabase::~SqliteDatabase() = default;

void SqliteDatabase::run(const std::string& sql) {
  const int status = ::sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (status != SQLITE_OK) fail(status);
}

std::int64_t SqliteDatabase::integer(std::string_view sql) const {
  SqliteStatement statement(*this, sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::int64_t SqliteDatabase::last_id() const {
  return ::sqlite3_last_insert_rowid(handle_.get());
}

void SqliteDatabase::fail(int status) const {
  fail_with(path_, handle_.get(), status);
}

SqliteTransaction::SqliteTransaction(SqliteDatabase& database) : database_(database) {
  database_.run("BEGIN IMMEDIATE");
}

SqliteTransaction::~SqliteTransaction() {
  if (!is_open_ || ::sqlite3_get_autocommit(database_.handle()) != 0) return;
  ::sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void SqliteTransaction::commit() {
  database_.run("COMMIT");
  is_open_ = false;
}

}  // namespace oko::index
