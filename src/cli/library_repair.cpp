#include "cli/library_repair.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/file.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "cli/ask.h"
#include "cli/json_output.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "hub/file_lock.h"
#include "image/sniff.h"
#include "index/library_check.h"
#include "index/library_failure.h"
#include "index/sqlite_database.h"
#include "tasks/path_roots.h"

namespace oko::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostNamed = 20;  ///< damaged files that a person reads of

void note(const RepairOptions& options, const LocalizedText& text) {
  if (!options.quiet) say_note(text);
}

void refuse_cluster(const LibraryPlace& place) {
  if (!place.address) return;
  throw Error(ErrorCode::kUsage, tr("a library on OpenSearch is checked and rebuilt there",
                                    "библиотеку в OpenSearch проверяют и создают заново там"));
}

void require_library(const LibraryPlace& place) {
  refuse_cluster(place);
  if (!has_entry(place.file)) index::fail_no_library(place.file.string());
}

bool is_file(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

/// Where the file of a library is that a link leads to: the new one goes there, too.
fs::path real_file(const RepairOptions& options) {
  std::error_code error;
  const fs::path file = fs::weakly_canonical(options.place.file, error);
  return error ? options.place.file : file;
}

/// The lock of those who write. A library in a folder that may not be written has no writers.
std::unique_ptr<hub::FileLock> lock_to_check(const RepairOptions& options, const StopToken& stop) {
  try {
    auto lock = lock_library(options.place.file, options.quiet, stop);
    lock->set_temporary(true);
    return lock;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kFailed) throw;
    return nullptr;
  }
}

LocalizedText words_fault() {
  return tr("the words are not those of the texts", "слова не соответствуют текстам");
}

void print_check(const index::LibraryCheck& check, const RepairOptions& options) {
  const std::string library = options.place.file.string();
  if (options.json) {
    nlohmann::ordered_json line{{"library", library},
                                {"is_whole", check.is_whole()},
                                {"faults", nlohmann::ordered_json::array()},
                                {"files", nlohmann::ordered_json::array()}};
    for (const LocalizedText& fault : check.faults) line["faults"].push_back(shown(fault));
    if (check.are_words_damaged) line["faults"].push_back(shown(words_fault()));
    for (const index::DamagedDocument& each : check.documents) line["files"].push_back(each.path);
    print_json(line);
    return;
  }
  for (const LocalizedText& text : check.not_compared) note(options, text);
  for (const LocalizedText& fault : check.faults) say_note(fault);
  if (check.are_words_damaged) say_note(words_fault());
  for (std::size_t i = 0; i < std::min(kMostNamed, check.documents.size()); ++i) {
    say_note(tr("{}: what the library has of this file is damaged",
                "{}: то, что есть в библиотеке от этого файла, повреждено",
                check.documents[i].path));
  }
  if (check.documents.size() > kMostNamed) {
    say_note(tr("and of {:more file|more files}", "и ещё от {:файла|файлов|файлов}",
                Count(check.documents.size() - kMostNamed)));
  }
  if (check.is_whole()) {
    print(words("{}: the library is whole\n", "{}: библиотека цела\n", one_line(library)));
  }
}

[[noreturn]] void fail_damaged(const RepairOptions& options) {
  throw index::DamagedLibrary::checked(
      tr("{}: the library is damaged", "{}: библиотека повреждена", options.place.file.string()));
}

/// Throws for a library that only a rebuild mends.
index::LibraryCheck print_checked(const RepairOptions& options, const StopToken& stop) {
  index::LibraryCheck check = index::check_library(options.place.file, stop);
  print_check(check, options);
  if (!check.faults.empty()) fail_damaged(options);
  return check;
}

/// The damaged documents whose files are there, or, below the paths, are gone, and those that share
/// chunks with them.
std::vector<index::DamagedDocument> mendable(const index::LibraryCheck& check,
                                             const tasks::PathRoots& roots) {
  std::set<index::ChunkId> chunks;
  const auto can_be = [&](const index::DamagedDocument& each) {
    return is_file(each.path) || roots.contain(each.path);
  };
  for (const index::DamagedDocument& each : check.documents) {
    if (can_be(each) && each.first_chunk != 0) chunks.insert(each.first_chunk);
  }
  std::vector<index::DamagedDocument> found;
  for (const index::DamagedDocument& each : check.documents) {
    if (can_be(each) || chunks.contains(each.first_chunk)) found.push_back(each);
  }
  return found;
}

/// Given paths, and the files of the old library that are not below them.
std::vector<std::string> paths_of_rebuild(const index::LibraryRemains& remains,
                                          const RepairOptions& options) {
  std::vector<std::string> paths = options.paths;
  const tasks::PathRoots roots(options.paths);
  std::vector<std::string> gone;
  for (const std::string& path : remains.paths) {
    if (!is_file(path)) {
      gone.push_back(path);
    } else if (!roots.contain(path)) {
      paths.push_back(path);
    }
  }
  if (!gone.empty()) {
    note(options, tr("{:file|files} of the library cannot be found now and will be left out: {}{}",
                     "сейчас нет на месте {:файла|файлов|файлов} библиотеки, пропускаю: {}{}",
                     Count(gone.size()), gone.front(), gone.size() > 1 ? ", ..." : ""));
  }
  if (remains.captions > 0 && !options.has_captions) {
    note(options, tr("{:description of a picture|descriptions of pictures} "
                     "in the library will be left out; {} makes them anew",
                     "{:описание картинки|описания картинок|описаний картинок} из библиотеки в "
                     "новую не попадёт; заново их создаёт {}",
                     Count(remains.captions), Knob{"caption"}));
  }
  return paths;
}

[[noreturn]] void fail_nothing_there(const RepairOptions& options) {
  throw Error(ErrorCode::kNotFound,
              tr("{}: none of the files of the library is there; it stays as it is",
                 "{}: ни одного файла библиотеки нет на месте; она остаётся как есть",
                 options.place.file.string()),
              tr("connect their disk, or name their folders now: oko index --rebuild FOLDERS",
                 "подключите их диск или назовите их нынешние папки: oko index --rebuild ПАПКИ"));
}

/// Opens the new library, with what a stopped call has left, if that fits this one.
std::unique_ptr<index::Store> open_rebuilt(const fs::path& file, const OpenRebuilt& open) {
  try {
    return open(file);
  } catch (const Error& error) {
    const bool is_other = error.code() == ErrorCode::kUsage ||
                          error.code() == ErrorCode::kBadInput ||
                          error.code() == ErrorCode::kUnsupported;
    if (!is_other) throw;
  }
  index::remove_library(file);
  return open(file);
}

}  // namespace

void check_library(const RepairOptions& options, const StopToken& stop) {
  require_library(options.place);
  const auto lock = lock_to_check(options, stop);
  const index::LibraryCheck check = print_checked(options, stop);
  if (check.is_whole()) return;
  throw Error(
      ErrorCode::kBadInput,
      tr("{}: the library is damaged", "{}: библиотека повреждена", options.place.file.string()),
      tr("oko index --check FOLDERS reads the damaged files again",
         "oko index --check ПАПКИ прочитает повреждённые файлы заново"));
}

MendedLibrary mend_library(const RepairOptions& options, const StopToken& stop) {
  require_library(options.place);
  const auto lock = lock_library(options.place.file, options.quiet, stop);
  lock->set_temporary(true);  // the run that follows makes it again
  MendedLibrary mended{.paths = options.paths};
  const index::LibraryCheck check = print_checked(options, stop);
  if (check.is_whole()) return mended;
  std::vector<index::DocumentId> ids;
  for (const index::DamagedDocument& each : mendable(check, tasks::PathRoots(options.paths))) {
    ids.push_back(each.id);
    if (is_file(each.path)) mended.paths.push_back(each.path);
  }
  mended.damaged = check.documents.size() - ids.size();
  index::forget_damaged(options.place.file, ids);
  note(options, tr("{:damaged file is|damaged files are} read again",
                   "{:повреждённый файл читается|повреждённых файла читаются|повреждённых файлов "
                   "читаются} заново",
                   Count(ids.size())));
  return mended;
}

void require_mended(const MendedLibrary& mended, const RepairOptions& options) {
  if (mended.damaged == 0) return;
  throw Error(ErrorCode::kBadInput,
              tr("{}: {:document is|documents are} still damaged: their files are not "
                 "there",
                 "{}: {:документ|документа|документов} по-прежнему с повреждениями: их файлов нет "
                 "на месте",
                 options.place.file.string(), Count(mended.damaged)),
              tr("connect their disk and repeat the command; oko index --rebuild makes a library "
                 "without them",
                 "подключите их диск и повторите команду; oko index --rebuild создаст библиотеку "
                 "без них"));
}

/// A damaged library has an unknown beginning; a picture, a PDF or a text was never one.
void refuse_other_file(const fs::path& file) {
  std::array<char, 512> bytes{};
  std::ifstream stream(file, std::ios::binary);
  stream.read(bytes.data(), bytes.size());
  const auto head =
      std::as_bytes(std::span(bytes).first(static_cast<std::size_t>(stream.gcount())));
  if (head.empty() || std::string_view(bytes.data()).starts_with("SQLite format 3")) return;
  const auto format = image::sniff(head);
  if (!format && !image::is_known_kind(head)) return;
  throw Error(ErrorCode::kUsage,
              tr("{}: is not a library: it is {}", "{}: это не библиотека, а {}", file.string(),
                 format ? LocalizedText(std::string(image::format_name(*format)))
                        : image::describe_head(head)));
}

index::LibraryRemains remains_to_rebuild(const RepairOptions& options) {
  refuse_cluster(options.place);
  refuse_other_file(options.place.file);
  index::LibraryRemains remains = index::read_remains(options.place.file);
  if (!options.paths.empty() || !remains.paths.empty()) return remains;
  if (!has_entry(options.place.file)) index::fail_no_library(options.place.file.string());
  throw Error(
      ErrorCode::kNotFound,
      tr("{}: the library tells of no files any more",
         "{}: библиотека больше не помнит ни одного файла", options.place.file.string()),
      tr("name them: oko index --rebuild FOLDERS", "назовите их: oko index --rebuild ПАПКИ"));
}

bool agrees_to_rebuild(const Error& damage, const RepairOptions& options, const StopToken& stop) {
  if (options.yes) {
    say_error(damage.message());
    return true;
  }
  if (!can_ask()) return false;
  return ask(
      words("{}. It can be kept as {}, and another one be made. Rebuild it from your files?",
            "{}. Её можно сохранить как {} и создать другую. Создать заново из ваших файлов?",
            damage.message(), index::kept_path(real_file(options)).string()),
      EnterMeans::kNo, stop);
}

void rebuild_library(const RepairOptions& options, const OpenRebuilt& open, const FillLibrary& fill,
                     const StopToken& stop) {
  const auto lock = lock_library(options.place.file, options.quiet, stop);
  const fs::path library = real_file(options);
  const index::LibraryRemains remains = remains_to_rebuild(options);
  const std::vector<std::string> paths = paths_of_rebuild(remains, options);
  if (paths.empty()) fail_nothing_there(options);
  const fs::path rebuilt = index::rebuilt_path(library);
  bool has_any = true;
  try {
    const std::unique_ptr<index::Store> store = open_rebuilt(rebuilt, open);
    fill(*store, paths);
    has_any = remains.paths.empty() || store->counts().documents > 0;
  } catch (const index::DamagedLibrary&) {
    index::remove_library(rebuilt);
    throw;
  } catch (const Error&) {
    note(options, tr("the library is as it was; the new one so far is {}, and the same command "
                     "goes on with it",
                     "библиотека осталась прежней; сделанное от новой — {}, и та же команда "
                     "продолжит её",
                     rebuilt.string()));
    throw;
  }
  if (!has_any) {
    index::remove_library(rebuilt);
    fail_nothing_there(options);
  }
  const fs::path kept = index::replace_by_rebuilt(library);
  if (kept.empty()) return;
  if (options.json) print_json(nlohmann::ordered_json{{"kept", kept.string()}});
  note(options, tr("the library was rebuilt; the old one is kept as {}",
                   "библиотека создана заново; прежняя сохранена как {}", kept.string()));
}

}  // namespace oko::cli
