#include "cli/library_option.h"

#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/system_reason.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "index/opensearch_store.h"
#include "index/sqlite_database.h"
#include "index/sqlite_store.h"

namespace oko::cli {

namespace {

namespace fs = std::filesystem;

/// Refuses what cannot be a library, before anything is opened: a search would wait for a
/// writer of a pipe, and no signal would end that.
void require_library_file(const fs::path& path) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  if (type == fs::file_type::directory) {
    throw Error(ErrorCode::kUsage,
                tr("{}: is a folder; a library is a file", "{}: это папка, а библиотека — файл",
                   path.string()),
                tr("name a file in it: {} {}", "назовите файл в ней: {} {}", Knob{"library"},
                   (path / "library.db").string()));
  }
  if (type == fs::file_type::none) {
    throw Error(ErrorCode::kFailed,
                tr("{}: the library cannot be reached: {}", "{}: библиотека недоступна: {}",
                   path.string(), system_reason(error.value())));
  }
  if (type == fs::file_type::regular || type == fs::file_type::not_found) return;
  throw Error(ErrorCode::kUsage,
              tr("{}: is a device or a pipe; a library is a file",
                 "{}: это устройство или канал, а библиотека — файл", path.string()));
}

void make_folder_of(const fs::path& file) {
  if (!file.has_parent_path()) return;
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (!error) return;
  throw Error(ErrorCode::kFailed, tr("{}: the folder of the library cannot be made: {}",
                                     "{}: папка библиотеки не создаётся: {}",
                                     file.parent_path().string(), system_reason(error.value())));
}

index::OpenSearchStore::Options cluster_options(bool is_quiet, const StopToken& stop) {
  index::OpenSearchStore::Options options;
  options.stop = stop;
  if (is_quiet) return options;
  options.http.on_retry = [](const LocalizedText& reason) {
    say_note(tr("the cluster does not answer: {}; trying again",
                "кластер не отвечает: {}; пробую снова", reason));
  };
  return options;
}

}  // namespace

void add_library_option(Command& command, std::string& library) {
  command
      .add_option(
          "--library", &library,
          words("file of the library, or opensearch://HOST:PORT/INDEX [default: library.db in the "
                "folder of oko, ~/.oko]",
                "файл библиотеки или opensearch://СЕРВЕР:ПОРТ/ИНДЕКС [по умолчанию: "
                "library.db в папке oko, ~/.oko]"))
      .names(ValueKind::kFile);
}

LibraryPlace library_place(const std::string& library) {
  if (index::is_opensearch_address(library)) {
    return {.address = index::parse_opensearch_address(library)};
  }
  if (library.find("://") != std::string::npos) {
    throw Error(ErrorCode::kUsage,
                tr("a library is a file or has an address of OpenSearch, not one of another kind",
                   "библиотека — файл или адрес OpenSearch, а не адрес другого вида"),
                tr("write it as opensearch://HOST:9200/INDEX, and with TLS as opensearch+https://",
                   "пишите opensearch://СЕРВЕР:9200/ИНДЕКС, а с TLS — opensearch+https://"));
  }
  const fs::path path = library.empty() ? oko_home() / "library.db" : fs::path(library);
  require_library_file(path);
  return {.file = path};
}

std::uint64_t library_bytes(const LibraryPlace& place) {
  return place.address ? 0 : index::SqliteDatabase::kCacheBytes;
}

std::unique_ptr<index::Store> open_library(const LibraryPlace& place, bool is_quiet,
                                           const StopToken& stop) {
  if (place.address) {
    return index::OpenSearchStore::open(*place.address, cluster_options(is_quiet, stop));
  }
  return index::SqliteStore::open(place.file);
}

LibraryOpener library_opener(const LibraryPlace& place, bool is_quiet) {
  return [place, is_quiet](const StopToken& stop) { return open_library(place, is_quiet, stop); };
}

std::unique_ptr<hub::FileLock> lock_library(const fs::path& file, bool is_quiet,
                                            const StopToken& stop) {
  make_folder_of(file);
  const auto say_waiting = [&] {
    if (is_quiet) return;
    say_note(tr("another oko index writes to {}; waiting for it",
                "другой oko index пишет в {}; жду его", file.string()));
  };
  return std::make_unique<hub::FileLock>(file.string() + "-lock", stop, say_waiting);
}

std::unique_ptr<hub::FileLock> try_lock_library(const fs::path& file) {
  make_folder_of(file);
  auto lock = hub::FileLock::make_or_try(file.string() + "-lock");
  if (lock != nullptr) return lock;
  throw Error(ErrorCode::kBusy,
              tr("another oko index writes to {}; wait until it is done",
                 "другой oko index пишет в {}; дождитесь, когда он закончит", file.string()));
}

std::unique_ptr<index::Store> open_locked_library(const LibraryPlace& place,
                                                  const index::LibraryModel& model,
                                                  const index::LearnModel& learn, bool is_quiet,
                                                  const StopToken& stop) {
  if (!place.address) return index::SqliteStore::open_or_create(place.file, model, learn);
  index::OpenSearchStore::Options options = cluster_options(is_quiet, stop);
  options.learn = learn;
  return index::OpenSearchStore::open_or_create(*place.address, model, options);
}

WrittenLibrary open_library_to_write(const LibraryPlace& place, const index::LibraryModel& model,
                                     const index::LearnModel& learn, bool is_quiet,
                                     const StopToken& stop) {
  WrittenLibrary library;
  if (!place.address) library.lock = lock_library(place.file, is_quiet, stop);
  if (library.lock) library.lock->set_temporary(true);  // what is no library gets no lock
  library.store = open_locked_library(place, model, learn, is_quiet, stop);
  if (library.lock) library.lock->set_temporary(false);
  return library;
}

}  // namespace oko::cli
