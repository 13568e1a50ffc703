#include "cli/index_printer.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/duration_text.h"
#include "base/rounded.h"
#include "base/text_escape.h"
#include "cli/json_output.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

using nlohmann::ordered_json;
using tasks::FileOutcome;

/// "+ /home/a/receipt.jpg", as version control shows changes.
std::string file_line(const tasks::IndexedFile& file) {
  std::string path = one_line(file.path);
  if (!file.copy_of.empty()) path += " = " + one_line(file.copy_of);
  switch (file.outcome) {
    case FileOutcome::kAdded:
      return "+ " + path;
    case FileOutcome::kUpdated:
      return "~ " + path;
    case FileOutcome::kMoved:
      return "> " + one_line(file.moved_from) + " -> " + path;
    case FileOutcome::kRemoved:
      return "- " + path;
    case FileOutcome::kUnchanged:
      return "= " + path;
    case FileOutcome::kFailed:
    case FileOutcome::kUncaptioned:
      return "! " + path;
    case FileOutcome::kCaptioned:
      return "\" " + path;
  }
  return path;
}

ordered_json file_json(const tasks::IndexedFile& file) {
  ordered_json line{{"file", file.path}, {"outcome", tasks::name_of(file.outcome)}};
  if (!file.moved_from.empty()) line["moved_from"] = file.moved_from;
  if (!file.copy_of.empty()) line["copy_of"] = file.copy_of;
  if (file.outcome == FileOutcome::kAdded || file.outcome == FileOutcome::kUpdated ||
      file.outcome == FileOutcome::kCaptioned) {
    line["passages"] = file.passages;
  }
  if (file.captions > 0) line["captions"] = file.captions;
  if (file.error) line["error"] = error_json(*file.error);
  for (const LocalizedText& note : file.notes) line["notes"].push_back(shown(note));
  return line;
}

/// "5 min left"; nothing if that is not known, or no time.
std::string time_left(std::optional<double> seconds) {
  if (!seconds || *seconds < 2) return {};
  return shown(tr("{} left", "осталось {}",
                  duration_text(std::chrono::seconds(static_cast<long>(*seconds)))));
}

std::string with_comma(const std::string& text) {
  return text.empty() ? text : ", " + text;
}

}  // namespace

IndexPrinter::IndexPrinter(bool json, bool quiet)
    : json_(json),
      quiet_(quiet),
      bar_(words("indexing", "индексирую"), quiet),
      caption_bar_(words("describing", "описываю"), quiet) {}

void IndexPrinter::begin_run(bool describes) {
  ++run_;
  describes_ = describes;
  watch_ = engine::Stopwatch();
  skipped_.clear();
  gone_.clear();
  failed_.clear();
}

tasks::IndexCallbacks IndexPrinter::callbacks() {
  return {.on_file = [this](const tasks::IndexedFile& file) { print_file(file); },
          .on_progress = [this](const tasks::IndexProgress& progress) { draw(progress); },
          .on_skipped = [this](const tasks::SkippedFile& skipped) { add_skipped(skipped); },
          .on_empty = [this](const std::string& folder,
                             std::size_t documents) { say_empty(folder, documents); },
          .on_gone = [this](const std::string& path,
                            std::size_t documents) { say_gone(path, documents); }};
}

void IndexPrinter::print_summary(const tasks::IndexSummary& summary,
                                 const tasks::SidecarSummary& sidecars,
                                 const index::LibraryCounts& counts) {
  clear();
  const std::size_t changes = summary.added + summary.updated + summary.moved + summary.removed +
                              summary.failed + summary.captioned + sidecars.written +
                              sidecars.moved + sidecars.removed;
  if (run_ > 1 && changes == 0) return;
  if (json_) {
    print_json({{"added", summary.added},
                {"updated", summary.updated},
                {"moved", summary.moved},
                {"removed", summary.removed},
                {"unchanged", summary.unchanged},
                {"failed", summary.failed},
                {"failed_before", summary.failed_before},
                {"captioned", summary.captioned},
                {"uncaptioned", summary.uncaptioned},
                {"uncaptioned_before", summary.uncaptioned_before},
                {"sidecars", sidecars.written},
                {"sidecars_moved", sidecars.moved},
                {"sidecars_removed", sidecars.removed},
                {"skipped", skipped_json()},
                {"passages", summary.passages},
                {"seconds", rounded(watch_.seconds(), 1)},
                {"library",
                 {{"documents", counts.documents},
                  {"failed_documents", counts.failed_documents},
                  {"passages", counts.chunks},
                  {"bytes", counts.bytes}}}});
    return;
  }
  if (quiet_) return;
  print(
      words("{:file|files} added, {} updated, {} moved, {} removed, {} unchanged, "
            "{} failed; {:passage|passages} in the library\n",
            "{:файл добавлен|файла добавлено|файлов добавлено}, обновлено {}, перемещено {}, "
            "убрано {}, без изменений {}, не прочитано {}; в библиотеке "
            "{:отрывок|отрывка|отрывков}\n",
            Count(summary.added), summary.updated, summary.moved, summary.removed,
            summary.unchanged, summary.failed, Count(counts.chunks)));
  say_captions(summary, sidecars);
  if (run_ == 1) say_skipped(summary);
}

void IndexPrinter::clear() {
  bar_.clear();
  caption_bar_.clear();
}

void IndexPrinter::note(const LocalizedText& text) {
  if (quiet_) return;
  clear();
  say_note(text);
}

void IndexPrinter::print_file(const tasks::IndexedFile& file) {
  clear();
  if (file.outcome == FileOutcome::kRemoved) gone_.push_back({file.path});
  if (!file.moved_from.empty()) gone_.push_back({file.moved_from, file.path});
  if (file.outcome == FileOutcome::kFailed) failed_.push_back(file.path);
  if (json_) {
    print_json(file_json(file));
    return;
  }
  if (file.error) {
    say_error(file.error->message());
    say_hint(file.error->hint());
  }
  if (!quiet_) {
    print(file_line(file) + "\n");
    for (const LocalizedText& note : file.notes) say_note(note);
  }
}

void IndexPrinter::draw(const tasks::IndexProgress& progress) {
  if (progress.bytes == 0) return;
  const double done =
      static_cast<double>(progress.bytes_done) / static_cast<double>(progress.bytes);
  const std::string left = time_left(progress.seconds_left);
  const std::string then =
      describes_ && !left.empty() ? words("then captions", "потом описания") : "";
  bar_.update(done,
              words("{} of {:file|files}", "{} из {:файла|файлов|файлов}", progress.files_done,
                    Count(progress.files)) +
                  with_comma(left) + with_comma(then),
              left);
}

void IndexPrinter::draw_captions(const tasks::CaptionProgress& progress) {
  bar_.clear();
  const double share = static_cast<double>(progress.done) / static_cast<double>(progress.pictures);
  const std::string left = time_left(progress.seconds_left);
  caption_bar_.update(share,
                      words("{} of {:picture|pictures}", "{} из {:картинки|картинок|картинок}",
                            progress.done, Count(progress.pictures)) +
                          with_comma(left),
                      left);
}

void IndexPrinter::add_skipped(const tasks::SkippedFile& skipped) {
  ++skipped_[skipped.reason];
  if (skipped.reason != tasks::SkipReason::kUnreadable || json_ || run_ > 1) return;
  bar_.clear();
  say_note(tr("{}: left out: {}", "{}: пропущено: {}", skipped.path, skipped.why));
}

void IndexPrinter::say_empty(const std::string& folder, std::size_t documents) {
  if (!empty_folders_.insert(folder).second) return;
  note(
      tr("{}: the folder is empty, as one of an unplugged disk; the library keeps "
         "{:document|documents} of it until {} is given",
         "{}: папка пуста, как у отключённого диска; {:её документ остаётся|её документа "
         "остаются|её документов остаются} в библиотеке, пока не указан {}",
         folder, Count(documents), Knob{"prune"}));
}

void IndexPrinter::say_gone(const std::string& path, std::size_t documents) {
  if (documents == 0) {
    note(tr("{}: is not there any more; the library forgets it",
            "{}: больше нет; библиотека забывает этот путь", path));
    return;
  }
  note(tr("{}: is not there any more; the library loses {:document|documents} of it",
          "{}: больше нет; из библиотеки уходит оттуда {:документ|документа|документов}", path,
          Count(documents)));
}

std::string IndexPrinter::failed_files() const {
  constexpr std::size_t kMost = 10;
  std::vector<std::string> sorted = failed_;
  std::sort(sorted.begin(), sorted.end());
  std::string names;
  for (std::size_t i = 0; i < std::min(kMost, sorted.size()); ++i) {
    names += (names.empty() ? "" : ", ") + sorted[i];
  }
  return sorted.size() > kMost ? names + ", ..." : names;
}

ordered_json IndexPrinter::skipped_json() const {
  ordered_json counts = ordered_json::object();
  for (const auto& [reason, count] : skipped_) counts[tasks::name_of(reason)] = count;
  return counts;
}

/// What a person may miss: hidden files are known to be left out.
void IndexPrinter::say_skipped(const tasks::IndexSummary& summary) const {
  const auto count_of = [&](tasks::SkipReason reason) {
    const auto found = skipped_.find(reason);
    return found == skipped_.end() ? std::size_t{0} : found->second;
  };
  const std::size_t unknown = count_of(tasks::SkipReason::kUnknownKind);
  const std::size_t empty = count_of(tasks::SkipReason::kEmpty);
  const std::size_t links = count_of(tasks::SkipReason::kLink);
  if (unknown > 0) {
    say_note(words("{:file was|files were} left out: oko reads no such files",
                   "{:файл пропущен|файла пропущено|файлов пропущено}: таких файлов oko не читает",
                   Count(unknown)));
  }
  if (empty > 0) {
    say_note(words("{:file was|files were} left out: empty",
                   "{:пустой файл пропущен|пустых файла пропущено|пустых файлов пропущено}",
                   Count(empty)));
  }
  if (links > 0) {
    say_note(words("{:link was|links were} left out: --follow takes links",
                   "{:ссылка пропущена|ссылки пропущены|ссылок пропущено}: --follow берёт и ссылки",
                   Count(links)));
  }
  if (summary.uncaptioned_before > 0) {
    say_note(
        words("{:picture|pictures} could not be described in an earlier run: --retry "
              "tries again",
              "{:картинка не описалась|картинки не описались|картинок не описалось} в прошлый "
              "раз: --retry попробует снова",
              Count(summary.uncaptioned_before)));
  }
  if (summary.failed_before > 0) {
    say_note(words("{:file|files} could not be read in an earlier run: --retry tries again",
                   "{:файл не прочитался|файла не прочиталось|файлов не прочиталось} в прошлый "
                   "раз: --retry попробует снова",
                   Count(summary.failed_before)));
  }
}

void IndexPrinter::say_captions(const tasks::IndexSummary& summary,
                                const tasks::SidecarSummary& sidecars) const {
  if (summary.captioned > 0) {
    print(words("{:picture or page|pictures or pages} described\n",
                "{:картинка или страница описана|картинки или страницы описаны|картинок или "
                "страниц описано}\n",
                Count(summary.captioned)));
  }
  if (sidecars.written > 0) {
    print(words("{:sidecar|sidecars} written\n",
                "{:XMP-файл записан|XMP-файла записано|XMP-файлов записано}\n",
                Count(sidecars.written)));
  }
  if (sidecars.moved > 0) {
    print(words("{:sidecar|sidecars} moved with the picture\n",
                "{:XMP-файл перемещён|XMP-файла перемещено|XMP-файлов перемещено} за картинкой\n",
                Count(sidecars.moved)));
  }
  if (sidecars.removed > 0) {
    print(words("{:sidecar|sidecars} removed with the picture\n",
                "{:XMP-файл убран|XMP-файла убрано|XMP-файлов убрано} вместе с картинкой\n",
                Count(sidecars.removed)));
  }
  if (sidecars.left_alone > 0) {
    say_note(
        words("{:sidecar was|sidecars were} left alone: not written by oko, or "
              "changed since",
              "{:XMP-файл оставлен|XMP-файла оставлено|XMP-файлов оставлено} как есть: автор не "
              "oko, или с тех пор были изменения",
              Count(sidecars.left_alone)));
  }
}

}  // namespace oko::cli
