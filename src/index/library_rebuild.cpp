#include "index/library_rebuild.h"

#include <fmt/format.h>

#include <cstdint>
#include <set>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/system_reason.h"
#include "index/sqlite_database.h"
#include "index/sqlite_schema.h"

namespace oko::index {
namespace {

namespace fs = std::filesystem;

/// Runs a read of a library that may be damaged, or on a broken disk: what it has got before stays.
template <typename Read>
void try_reading(const Read& read) {
  try {
    read();
  } catch (const DamagedLibrary&) {
    return;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kFailed) throw;
  }
}

/// Of rows and of their index, from both ends: a damaged page ends each of them.
std::set<std::string> read_paths(const SqliteDatabase& database) {
  std::set<std::string> paths;
  for (const char* order : {"NOT INDEXED ORDER BY id", "NOT INDEXED ORDER BY id DESC",
                            "ORDER BY path", "ORDER BY path DESC"}) {
    try_reading([&] {
      SqliteStatement select(database, fmt::format("SELECT path FROM documents {}", order));
      while (select.step()) paths.emplace(select.blob(0));
    });
  }
  return paths;
}

void read_remains(SqliteDatabase& database, LibraryRemains& remains) {
  if (is_empty(database)) return;
  try_reading([&] { remains.model = read_header(database).model; });
  std::set<std::string> paths = read_paths(database);
  remains.paths.assign(paths.begin(), paths.end());
  try_reading([&] {
    SqliteStatement select(database,
                           "SELECT substr(key, 6), value FROM library WHERE key LIKE 'note %'");
    while (select.step()) remains.notes.emplace(select.text(0), select.blob(1));
  });
  try_reading([&] {
    remains.captions = static_cast<std::size_t>(database.integer(fmt::format(
        "SELECT count(*) FROM chunks WHERE origin = {}", static_cast<int>(TextOrigin::kCaption))));
  });
}

[[noreturn]] void fail(const fs::path& path, const std::error_code& error) {
  throw Error(ErrorCode::kFailed, tr("{}: cannot be replaced: {}", "{}: не заменяется: {}",
                                     path.string(), system_reason(error.value())));
}

/// The files of SQLite and of vectors beside a library: what follows its name.
std::vector<std::string> ends_of(const fs::path& library) {
  std::vector<std::string> ends;
  const std::string name = library.filename().string();
  std::error_code error;
  fs::directory_iterator entry(fs::absolute(library).parent_path(), error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string found = entry->path().filename().string();
    if (!found.starts_with(name)) continue;
    std::string end = found.substr(name.size());
    if (end == "-wal" || end == "-shm" || end.starts_with("-vectors-")) {
      ends.push_back(std::move(end));
    }
  }
  return ends;
}

bool has_bytes(const fs::path& file) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  return !error && size > 0;
}

void move_file(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) fail(from, error);
}

/// At its own place, too, until the new one takes it, if the disk can do that.
void keep(const fs::path& library, const fs::path& kept) {
  std::error_code error;
  fs::create_hard_link(library, kept, error);
  if (error) move_file(library, kept);
}

}  // namespace

LibraryRemains read_remains(const fs::path& library) {
  LibraryRemains remains;
  if (!has_entry(library)) return remains;
  try {
    SqliteDatabase database(library, SqliteDatabase::Access::kRead);
    read_remains(database, remains);
  } catch (const DamagedLibrary&) {
    return remains;
  }
  return remains;
}

fs::path rebuilt_path(const fs::path& library) {
  return library.string() + "-rebuilding";
}

fs::path kept_path(const fs::path& library) {
  fs::path path = library.string() + "-old";
  for (int number = 2; has_entry(path); ++number) {
    path = fmt::format("{}-old-{}", library.string(), number);
  }
  return path;
}

void remove_library(const fs::path& library) {
  std::vector<std::string> ends = ends_of(library);
  ends.emplace_back();
  for (const std::string& end : ends) {
    std::error_code error;
    fs::remove(library.string() + end, error);
    if (error) fail(library, error);
  }
}

fs::path replace_by_rebuilt(const fs::path& library) {
  const fs::path rebuilt = rebuilt_path(library);
  // A full disk leaves it in the journal, without a word when the store is closed.
  SqliteDatabase(rebuilt, SqliteDatabase::Access::kWrite).run("PRAGMA wal_checkpoint(TRUNCATE)");
  if (has_bytes(rebuilt.string() + "-wal")) {
    throw Error(ErrorCode::kBusy, tr("{}: another process reads it", "{}: её читает другой процесс",
                                     rebuilt.string()));
  }
  fs::path kept;
  if (has_entry(library)) {
    kept = kept_path(library);
    keep(library, kept);
  }
  // A journal of the old one would change the new one.
  for (const std::string& end : ends_of(library)) {
    if (end == "-wal" && !kept.empty() && has_bytes(library.string() + end)) {
      move_file(library.string() + end, kept.string() + end);
    } else {
      std::error_code ignored;
      fs::remove(library.string() + end, ignored);
    }
  }
  for (const std::string& end : ends_of(rebuilt)) {
    if (end.starts_with("-vectors-")) move_file(rebuilt.string() + end, library.string() + end);
  }
  move_file(rebuilt, library);
  return kept;
}

}  // namespace oko::index
